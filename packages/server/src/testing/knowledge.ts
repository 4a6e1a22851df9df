/**
 * The knowledge of a test: a few documents in memory, searched by the words they share with the query. Filters count as
 * they do on the server; scores and order do not.
 * @module
 */
import type { KnowledgeDocument } from '@agentos/sdk/testing'
import type { Ask, Asks } from '../base/ask.ts'
import { isJsonObject, toJson, type Json, type JsonObject } from '../base/json.ts'
import { type Condition, toCondition } from '../base/knowledge-filter.ts'
import { DEFAULT_MAX_RESULTS, type KnowledgeHit } from '../base/knowledge.ts'

/** @param documents undefined where the test brings none: a search says so */
export function createTestAsk(documents: readonly (string | KnowledgeDocument)[] | undefined): Ask {
  const hits = (documents ?? []).map(toHit)
  const answers: { readonly [K in keyof Asks]?: (question: Asks[K]['question']) => Asks[K]['answer'] } = {
    'search-knowledge': ({ query, filters = [], maxResults = DEFAULT_MAX_RESULTS }) => {
      if (documents === undefined) throw new Error('The test has no documents: give runAgent() its knowledge')
      const condition = toCondition(filters)
      const words = wordsOf(query)
      const found = hits
        .filter(({ metadata }) => fits(condition, metadata))
        .map((hit) => ({ ...hit, score: wordsOf(`${hit.name} ${hit.text}`).intersection(words).size }))
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score)
        .slice(0, maxResults)
      return { hits: found, notes: [] }
    },
    'knowledge-keys': () => [...new Set(hits.flatMap(({ metadata }) => Object.keys(metadata)))],
    'add-knowledge': ({ name, text }) => {
      const hit = toHit({ name, text }, hits.length)
      hits.push(hit)
      return hit.contentId
    },
  }
  return (kind, question) => {
    const answer = answers[kind]
    if (answer === undefined) return Promise.reject(new Error(`"${kind}" needs a server: nothing is stored in a test`))
    return Promise.resolve().then(() => answer(question))
  }
}

function toHit(document: string | KnowledgeDocument, index: number): KnowledgeHit {
  const {
    name = `document ${index + 1}`,
    text,
    metadata = {},
  } = typeof document === 'string' ? { text: document } : document
  const json = toJson(metadata, `knowledge[${index}].metadata`)
  const id = `document-${index + 1}`
  return { id, contentId: id, name, origin: null, text, metadata: isJsonObject(json) ? json : {}, score: 0 }
}

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return new Set(words.map((word) => (word.length > 3 ? word.replace(/s$/, '') : word)))
}

function fits(condition: Condition, metadata: JsonObject): boolean {
  switch (condition.op) {
    case 'AND':
      return condition.conditions.every((part) => fits(part, metadata))
    case 'OR':
      return condition.conditions.some((part) => fits(part, metadata))
    case 'NOT':
      return !fits(condition.condition, metadata)
    case 'IN':
      return condition.values.some((value) => isSame(metadata[condition.key], value))
    case 'EQ':
      return isSame(metadata[condition.key], condition.value)
    case 'NEQ':
      return !isSame(metadata[condition.key], condition.value)
    case 'CONTAINS':
      return textOf(metadata[condition.key]).includes(condition.value.toLowerCase())
    case 'STARTSWITH':
      return textOf(metadata[condition.key]).startsWith(condition.value.toLowerCase())
    case 'GT':
      return compares(metadata[condition.key], condition.value, (order) => order > 0)
    case 'GTE':
      return compares(metadata[condition.key], condition.value, (order) => order >= 0)
    case 'LT':
      return compares(metadata[condition.key], condition.value, (order) => order < 0)
    case 'LTE':
      return compares(metadata[condition.key], condition.value, (order) => order <= 0)
  }
}

function isSame(value: Json | undefined, wanted: Json): boolean {
  return value !== undefined && JSON.stringify(value) === JSON.stringify(wanted)
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value.toLowerCase() : ''
}

/** Numbers with numbers, texts with texts. */
function compares(value: Json | undefined, wanted: string | number, is: (order: number) => boolean): boolean {
  if (typeof value === 'number' && typeof wanted === 'number') return is(value - wanted)
  return typeof value === 'string' && typeof wanted === 'string' && is(value < wanted ? -1 : value > wanted ? 1 : 0)
}
