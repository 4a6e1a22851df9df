/**
 * Answers from documents that were looked up: the sentences that share most words with the question, and where they
 * stand. Pure.
 * @module
 */
import { isJsonObject, parseJson, type Json } from '../../base/json.ts'
import { asText } from './schema.ts'
import { canonical, termsOf } from './words.ts'

/** The tool that every agent with knowledge has. */
export const SEARCH_TOOL = 'search_knowledge_base'

const MOST_DOCUMENTS = 50
const MOST_SENTENCES = 400
/** Characters of a document that are looked at. */
const MOST_TEXT = 8000
const MOST_QUOTED = 2

type Sentence = { readonly text: string; readonly source: string; readonly score: number; readonly place: number }

/** @param found JSON of a list of documents, or a word that there are none */
export function quoteDocuments(found: string, question: string): string {
  const documents = parseJson(found)
  if (!Array.isArray(documents) || documents.length === 0) return 'I found nothing about that in the knowledge base.'
  const asked = new Set([...termsOf(question)].map(canonical))
  const sentences = documents.slice(0, MOST_DOCUMENTS).flatMap(sentencesOf).slice(0, MOST_SENTENCES)
  const ranked = sentences
    .map((sentence, place): Sentence => ({ ...sentence, place, score: shared(sentence.text, asked) }))
    .toSorted((a, b) => b.score - a.score || a.place - b.place)
  const [best] = ranked
  if (best === undefined || best.score === 0) {
    const names = [...new Set(documents.map((document: Json) => sourceOf(document)))].slice(0, 3)
    return `The knowledge base has something in ${names.join(', ')}, but nothing that I can tell answers that.`
  }
  const quoted = ranked.filter(({ source, score }) => source === best.source && score * 4 > best.score * 3)
  const text = quoted
    .slice(0, MOST_QUOTED)
    .toSorted((a, b) => a.place - b.place)
    .map((sentence) => sentence.text)
    .join(' ')
  return `${text} (Source: ${best.source})`
}

function sentencesOf(document: Json): { readonly text: string; readonly source: string }[] {
  const content = isJsonObject(document) ? document['content'] : document
  const text = (typeof content === 'string' ? content : JSON.stringify(document)).slice(0, MOST_TEXT)
  const source = sourceOf(document)
  return text
    .split(/\n+|(?<=[.!?])\s+/)
    .map((part) => part.replace(/^[#>*\-\s]+/, '').trim())
    .filter((part) => part.length > 2)
    .map((part) => ({ text: /[.!?:]$/.test(part) ? part : `${part}.`, source }))
}

function sourceOf(document: Json): string {
  if (!isJsonObject(document)) return 'the knowledge base'
  const { name, meta_data: metadata } = document
  const about = isJsonObject(metadata) ? metadata : {}
  const named = [name, about['url'], about['source']].find((value) => typeof value === 'string' && value !== '')
  const page = about['page'] === undefined ? '' : `, page ${asText(about['page'])}`
  return `${typeof named === 'string' ? named : 'the knowledge base'}${page}`
}

/** Words that the sentence shares with the question; of two that share as many, the shorter one says it better. */
function shared(sentence: string, asked: ReadonlySet<string>): number {
  const terms = new Set([...termsOf(sentence)].map(canonical))
  let count = 0
  for (const term of terms) if (asked.has(term)) count++
  return count === 0 ? 0 : count + 1 / (2 + terms.size)
}
