/**
 * Arguments for a tool from what the user said and the tool's JSON Schema. Pure.
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts'
import { conforms } from './conform.ts'
import { exampleOf, fitNumber, fitText } from './example.ts'
import { asText, propertiesOf, requiredOf, viewOf, type SchemaView } from './schema.ts'
import {
  canonical,
  capitalise,
  expressionOf,
  namesOf,
  numbersOf,
  placesOf,
  quotesOf,
  stem,
  termsOf,
  wordsOf,
} from './words.ts'

export type Filled = {
  readonly input: JsonObject
  /** Name of a required property that the user has to be asked for; undefined when all are there. */
  readonly missing: string | undefined
}

/** What a message offers to fill in, taken up as it is used. */
type Offer = {
  readonly text: string
  readonly quotes: string[]
  readonly numbers: { readonly value: number; readonly before: string; readonly after: string }[]
  /** Words of the names of all properties: a number beside one belongs to it. */
  readonly nameTerms: ReadonlySet<string>
  /** Words of the tool itself, which are not data. */
  readonly toolTerms: ReadonlySet<string>
}

const PLACE = /city|location|place|town|country|region|where|destination|origin|address|airport|station/
const EXPRESSION = /expression|formula|equation|calculation|math/
const QUERY = /query|search|question|topic|keyword|term|prompt|subject|^q$/
const TEXT =
  /text|message|body|content|note|title|task|todo|item|summary|reason|description|comment|value|fact|sentence|input/
const NAME = /name|person|user|customer|author|recipient|who|contact|owner/
const DATE = /date|day|when|^at$|^on$|deadline|due/
export const IDENTIFIER = /(^|_|[a-z])(id|ids|key|number|sku|code|ref|reference|ticket|order|symbol|ticker)$/i
const LANGUAGE = /lang|locale/
const LANGUAGES =
  /\b(english|german|french|spanish|italian|norwegian|swedish|danish|dutch|polish|portuguese|japanese|chinese|korean|latin|russian|ukrainian|turkish|arabic|hindi)\b/i
const COMMAND =
  /^(?:(?:please|can you|could you|would you|i want to|i'd like to|let's|hey|hi|hello)[, ]+)*(?:(?:search|look|google|find|show|list|tell|give|get|ask|remember|note|save|store|send|say|translate|create|add|make|write|calculate|compute|delete|remove|what is|what's|who is|what are)\b\s*)?(?:(?:me|up|for|about|that|down|out|the web|a note|on)\b\s*)*/i

/**
 * @param message what the user said
 * @param earlier what the user said before, newest last; it fills what the message leaves open
 * @param toolText name and description of the tool
 */
export function fillArguments(
  parameters: JsonObject,
  message: string,
  earlier: readonly string[],
  toolText: string,
): Filled {
  const view = viewOf(parameters, parameters)
  const offer = offerOf(message, toolText, view)
  const required = requiredOf(view)
  const input: Record<string, Json> = {}
  let missing: string | undefined
  for (const [name, schema] of orderOfFilling(view)) {
    const property = viewOf(schema, parameters)
    const found = fillProperty(name, property, parameters, offer, required.has(name))
    const value = found !== undefined && conforms(schema, found, parameters) ? found : undefined
    if (value !== undefined) input[name] = value
    else if (required.has(name)) {
      const remembered = fillEarlier(name, property, parameters, earlier, toolText)
      if (remembered === undefined) missing ??= name
      input[name] = remembered ?? exampleOf(schema, parameters, message)
    }
  }
  return { input: inSchemaOrder(view, input), missing }
}

/** The places a message lists for the place property of a tool: one call for each. */
export function listedPlaces(
  parameters: JsonObject,
  message: string,
): { readonly name: string; readonly places: readonly string[] } | undefined {
  const place = propertiesOf(viewOf(parameters, parameters)).find(
    ([name, schema]) => PLACE.test(name) && viewOf(schema, parameters).type === 'string',
  )
  if (place === undefined) return undefined
  const places = [...new Set(placesOf(message, ['in', 'for', 'at', 'of']))]
  return places.length > 1 ? { name: place[0], places: places.slice(0, 4) } : undefined
}

function offerOf(text: string, toolText: string, view: SchemaView): Offer {
  const own = termsOf(toolText)
  const toolTerms = new Set([...own, ...[...termsOf(text)].filter((term) => own.has(canonical(term)))])
  const nameTerms = termsOf(
    propertiesOf(view)
      .map(([name]) => name)
      .join(' '),
  )
  return { text, quotes: [...quotesOf(text)], numbers: [...numbersOf(text)], nameTerms, toolTerms }
}

/** First what has to be found, then what has a default, last what may stay away: each takes what it uses. */
function orderOfFilling(view: SchemaView): readonly (readonly [string, Json])[] {
  const required = requiredOf(view)
  const need = ([name, schema]: readonly [string, Json]) => {
    const hasDefault = isJsonObject(schema) && schema['default'] !== undefined
    return (required.has(name) ? 2 : 0) + (hasDefault ? 0 : 1)
  }
  return [...propertiesOf(view)].sort((a, b) => need(b) - need(a))
}

function inSchemaOrder(view: SchemaView, input: Readonly<Record<string, Json>>): JsonObject {
  const names = propertiesOf(view).map(([name]) => name)
  return Object.fromEntries(names.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])))
}

function fillEarlier(
  name: string,
  view: SchemaView,
  root: JsonObject,
  earlier: readonly string[],
  toolText: string,
): Json | undefined {
  if (!PLACE.test(name)) return undefined
  for (const text of earlier.toReversed()) {
    const value = fillProperty(name, view, root, offerOf(text, toolText, view), true)
    if (value !== undefined && conforms(view.schema, value, root)) return value
  }
  return undefined
}

function fillProperty(
  name: string,
  view: SchemaView,
  root: JsonObject,
  offer: Offer,
  required: boolean,
): Json | undefined {
  const { schema, type } = view
  if (schema['const'] !== undefined) return schema['const']
  if (Array.isArray(schema['enum'])) return fillEnum(name, schema['enum'] as readonly Json[], view, offer, required)
  switch (type) {
    case 'boolean':
      return fillFlag(name, schema, offer, required)
    case 'integer':
    case 'number':
      return fillNumber(name, view, offer, required)
    case 'array':
      return fillList(name, view, root, offer, required)
    case 'object':
      return fillObject(view, root, offer, required)
    case 'null':
      return required ? null : undefined
    case 'string':
    case 'any':
      return fillString(name, view, offer, required)
  }
}

function fillEnum(
  name: string,
  options: readonly Json[],
  view: SchemaView,
  offer: Offer,
  required: boolean,
): Json | undefined {
  const words = new Set(wordsOf(offer.text).map(stem))
  const lower = offer.text.toLowerCase()
  const said = options.find((option) => {
    const text = asText(option).toLowerCase()
    if (text.length <= 2) return words.has(text) || (/unit|temp/.test(name) && lower.includes(`°${text}`))
    return wordsOf(text).every((word) => words.has(stem(word)))
  })
  return said ?? view.schema['default'] ?? (required ? options[0] : undefined)
}

function fillFlag(name: string, schema: JsonObject, { text }: Offer, required: boolean): Json | undefined {
  const terms = termsOf(name)
  const words = wordsOf(text)
  const at = words.findIndex((word) => terms.has(stem(word)))
  if (at >= 0) return !words.slice(Math.max(0, at - 2), at).some((word) => /^(no|not|without|dont|t)$/.test(word))
  return schema['default'] ?? (required ? false : undefined)
}

function fillNumber(name: string, view: SchemaView, offer: Offer, required: boolean): Json | undefined {
  const terms = termsOf(name)
  const near = offer.numbers.findIndex(({ before, after }) => terms.has(stem(before)) || terms.has(stem(after)))
  const belongs = (word: string) => offer.nameTerms.has(stem(word))
  const free = required ? offer.numbers.findIndex(({ before, after }) => !belongs(before) && !belongs(after)) : -1
  const index = near >= 0 ? near : free
  const [found] = index >= 0 ? offer.numbers.splice(index, 1) : []
  if (found !== undefined) return fitNumber(view, found.value)
  return view.schema['default'] ?? (required ? fitNumber(view, 1) : undefined)
}

function fillList(name: string, view: SchemaView, root: JsonObject, offer: Offer, required: boolean): Json | undefined {
  const items = viewOf(view.schema['items'], root)
  if (items.type === 'number' || items.type === 'integer') {
    const numbers = offer.numbers.splice(0).map(({ value }) => fitNumber(items, value))
    if (numbers.length > 0) return numbers
  } else if (items.type === 'string' || items.type === 'any') {
    const quoted = offer.quotes.splice(0)
    const named = quoted.length > 0 ? quoted : namesOf(offer.text)
    const said = named.length > 0 || !required ? named : [fillString(name, items, offer, true) ?? offer.text]
    if (said.length > 0) return said.map((item) => (items.type === 'string' ? fitText(items, asText(item)) : item))
  }
  return view.schema['default'] ?? (required ? exampleOf(view.schema, root, offer.text) : undefined)
}

function fillObject(view: SchemaView, root: JsonObject, offer: Offer, required: boolean): Json | undefined {
  if (!required) return view.schema['default']
  const needed = requiredOf(view)
  const entries = propertiesOf(view).flatMap(([name, schema]) => {
    const value = fillProperty(name, viewOf(schema, root), root, offer, needed.has(name))
    const filled = value ?? (needed.has(name) ? exampleOf(schema, root, offer.text) : undefined)
    return filled === undefined ? [] : [[name, filled] as const]
  })
  return Object.fromEntries(entries)
}

function fillString(name: string, view: SchemaView, offer: Offer, required: boolean): Json | undefined {
  const said = stringFor(name.toLowerCase(), view, offer, required)
  if (said !== undefined && isJsonObject(view.schema) && view.type === 'string') return fitText(view, said)
  return said ?? view.schema['default']
}

function stringFor(name: string, view: SchemaView, offer: Offer, required: boolean): string | undefined {
  const { text, quotes } = offer
  const format = asText(view.schema['format'] ?? '')
  if (format === 'email' || /mail/.test(name)) return /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/.exec(text)?.[0]
  if (/^ur[il]$/.test(format) || /url|link|website/.test(name)) return /https?:\/\/[^\s<>"')]+/.exec(text)?.[0]
  if (/time_?zone|^tz$/.test(name)) return /\b[A-Z][a-z]+\/[A-Z][A-Za-z_]+\b|\bUTC\b/.exec(text)?.[0]
  if (PLACE.test(name)) return placeFor(name, offer)
  if (EXPRESSION.test(name)) return expressionOf(text) ?? (required ? bare(text) : undefined)
  if (LANGUAGE.test(name)) return LANGUAGES.exec(text)?.[0]
  if (DATE.test(name)) return dateIn(text) ?? (required ? 'today' : undefined)
  if (IDENTIFIER.test(name)) return identifierIn(text) ?? (required ? leftover(offer) : undefined)
  if (quotes.length > 0 && (required || TEXT.test(name) || QUERY.test(name))) {
    return quotes.length > 1 ? quotes.shift() : quotes[0]
  }
  const direction = directed(name, text)
  if (direction !== undefined) return direction
  if (NAME.test(name)) return namesOf(text)[0] ?? (required ? leftover(offer) : undefined)
  if (QUERY.test(name) || TEXT.test(name)) return required ? bare(text) : undefined
  return required ? (namesOf(text)[0] ?? leftover(offer)) : undefined
}

/** What stands on one side of `from X to Y` or `X to Y`: `100 USD to EUR`. */
function directed(name: string, text: string): string | undefined {
  const sides = /(?:\bfrom\s+)?([\w-]+)\s+(?:to|into|in)\s+([\w-]+)/i.exec(text)
  if (sides === null || /^\d+$/.test(sides[1] ?? '')) return undefined
  if (/^(?:from|source|base)(?:_|$)/.test(name)) return sides[1]
  return /^(?:to|target)(?:_|$)/.test(name) ? sides[2] : undefined
}

function placeFor(name: string, { text, toolTerms }: Offer): string | undefined {
  if (/origin|from|depart/.test(name)) return placesOf(text, ['from'])[0]
  if (/destination|^to|arriv/.test(name)) return placesOf(text, ['to'])[0]
  const found = placesOf(text, ['in', 'at', 'near', 'for', 'of', 'to', 'from'])[0] ?? namesOf(text)[0]
  if (found !== undefined || wordsOf(text).length > 3) return found
  // `weather oslo`: in so few words what is not the tool's own is the place.
  const [rest] = [...termsOf(text)].filter(
    (term) => !toolTerms.has(term) && !/^(?:to(?:day|morrow|night)|now)$/.test(term),
  )
  return rest === undefined ? undefined : capitalise(rest)
}

function dateIn(text: string): string | undefined {
  const pattern =
    /\b\d{4}-\d{2}-\d{2}(?:[T ][\d:]+Z?)?\b|\b(?:today|tomorrow|yesterday|tonight|(?:next |on )?(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b/i
  return pattern.exec(text)?.[0].replace(/^on /i, '').toLowerCase()
}

/** A token that looks like an identifier: `#17`, `A-1234`, `AAPL`. */
function identifierIn(text: string): string | undefined {
  const marked = /#([\w-]+)/.exec(text)?.[1]
  return marked ?? /\b(?=[\w-]*\d)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\b/.exec(text)?.[0] ?? /\b[A-Z]{2,6}\b/.exec(text)?.[0]
}

/** The message without the words that only ask: `search for cats?` is `cats`. */
function bare(text: string): string {
  const afterColon = /:\s+(\S[\s\S]*)$/.exec(text)?.[1]
  const rest = (afterColon ?? text.trim().replace(COMMAND, '')).replace(/[?!.\s]+$/, '').trim()
  return rest === '' ? text.trim() : rest
}

/** The words of the message that are neither the tool's own nor filler. */
function leftover({ text, toolTerms }: Offer): string {
  const terms = termsOf(text)
  const words = text.match(/[\p{L}\p{N}'’-]+/gu) ?? []
  const kept = words.filter((word) => {
    const term = stem(word.toLowerCase())
    return terms.has(term) && !toolTerms.has(term)
  })
  return kept.length > 0 ? kept.join(' ') : bare(text)
}
