/**
 * Which tool a message asks for, judged by the words they share: the tool's name counts most, then its parameters and
 * enum values, then its description. Pure.
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts'
import type { ModelTool } from '../model.ts'
import { IDENTIFIER } from './arguments.ts'
import { asText, propertiesOf, viewOf } from './schema.ts'
import { canonical, expressionOf, termsOf, withoutOperatorWords } from './words.ts'

export type Match = { readonly tool: ModelTool; readonly score: number }

/** Below this a shared word is taken as chance. */
const ENOUGH = 2
const IN_NAME = 3
const IN_PARAMETER = 1.5
const IN_DESCRIPTION = 1
/** A synonym is a weaker hint than the word itself. */
const SYNONYM = 0.7
/** An arithmetic expression before a tool that takes one. */
const ARITHMETIC = 3
/** An identifier before a tool that takes one. */
const IDENTIFIED = 2

/** The best tool for `message`; undefined when none shares enough with it. */
export function bestTool(tools: readonly ModelTool[], message: string): Match | undefined {
  const matches = tools.map((tool) => ({ tool, score: scoreOf(tool, tools, message) }))
  const best = matches.reduce<Match | undefined>(
    (top, match) => (match.score > (top?.score ?? 0) ? match : top),
    undefined,
  )
  return best !== undefined && best.score >= ENOUGH ? best : undefined
}

/** The tools that the clauses of a message ask for, each once, in the order they are asked for. */
export function toolsFor(
  tools: readonly ModelTool[],
  message: string,
): readonly { readonly tool: ModelTool; readonly clause: string }[] {
  const whole = bestTool(tools, message)
  if (whole === undefined) return []
  const clauses = message
    .split(/(?<=[.!?;])\s+|;|,?\s+(?:and then|then|and also|and)\s+/i)
    .filter((part) => part.trim() !== '')
  const asked = clauses.flatMap((clause) => {
    const match = bestTool(tools, clause)
    return match === undefined ? [] : [{ tool: match.tool, clause }]
  })
  const distinct = asked.filter(({ tool }, index) => asked.findIndex((other) => other.tool === tool) === index)
  return distinct.length > 1 ? distinct : [{ tool: whole.tool, clause: message }]
}

function scoreOf(tool: ModelTool, tools: readonly ModelTool[], message: string): number {
  const said = termsOf(withoutOperatorWords(message))
  const saidCanonical = new Set([...said].map(canonical))
  const weigh = (terms: ReadonlySet<string>, weight: number) => {
    let score = 0
    for (const term of terms) {
      if (said.has(term)) score += weight * rarity(term, tools)
      else if (saidCanonical.has(canonical(term))) score += weight * SYNONYM * rarity(term, tools)
    }
    return score
  }
  const { names, values } = parameterTerms(tool.parameters)
  const nameTerms = termsOf(tool.name)
  const descriptionTerms = new Set([...termsOf(tool.description)].filter((term) => !nameTerms.has(term)))
  const arithmetic =
    expressionOf(message) !== undefined &&
    /calc|math|expression|arithmetic/i.test(`${tool.name} ${[...names].join(' ')}`)
  const identified =
    takesIdentifier(tool.parameters) && hasNameTerm(nameTerms, said) && /#\w|\b[A-Za-z]*-?\d{2,}/.test(message)
  return (
    weigh(nameTerms, IN_NAME) +
    weigh(names, IN_PARAMETER) +
    weigh(values, IN_PARAMETER) +
    Math.min(weigh(descriptionTerms, IN_DESCRIPTION), IN_NAME) +
    (arithmetic ? ARITHMETIC : 0) +
    (identified ? IDENTIFIED : 0)
  )
}

function takesIdentifier(parameters: JsonObject): boolean {
  return propertiesOf(viewOf(parameters, parameters)).some(([name]) => IDENTIFIER.test(name))
}

function hasNameTerm(nameTerms: ReadonlySet<string>, said: ReadonlySet<string>): boolean {
  return [...nameTerms].some((term) => said.has(term))
}

/** A word that every tool uses tells nothing about one of them. */
function rarity(term: string, tools: readonly ModelTool[]): number {
  if (tools.length === 1) return 1
  const users = tools.filter((tool) => termsOf(`${tool.name} ${tool.description}`).has(term)).length
  return users <= 1 ? 1 : 1 / users
}

function parameterTerms(parameters: JsonObject): {
  readonly names: ReadonlySet<string>
  readonly values: ReadonlySet<string>
} {
  const names = new Set<string>()
  const values = new Set<string>()
  for (const [name, schema] of propertiesOf(viewOf(parameters, parameters))) {
    for (const term of termsOf(name)) names.add(term)
    const options = isJsonObject(schema) ? schema['enum'] : undefined
    for (const option of Array.isArray(options) ? options : [])
      for (const term of termsOf(asText(option as Json))) values.add(term)
  }
  return { names, values }
}
