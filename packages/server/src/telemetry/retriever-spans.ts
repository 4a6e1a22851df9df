/**
 * Look-ups of a run as spans of OpenInference's kind RETRIEVER: below the tool that searched, or below the attempt where
 * the message of the user got its references.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import { isJsonObject, type Json } from '../base/json.ts'
import { type References, referencesOf } from '../base/references.ts'
import type { SpanAttribute, SpanRecord } from '../base/span.ts'
import { attemptSpanId, retrieverSpanId, toolSpanId } from '../base/trace-context.ts'
import { type ContentLevel, cutText, MAX_TEXT } from './span-content.ts'

type Attributes = Readonly<Record<string, SpanAttribute>>

/** Most documents that a span tells of. */
const MAX_DOCUMENTS = 50
/** Longest of one document, in characters. */
const MAX_DOCUMENT = 2048

/**
 * @param part of the record's messages
 * @param attempt whose they are
 */
export function retrieverSpans(
  record: AttemptRecord,
  part: { readonly from: number; readonly to: number; readonly attempt: number },
  level: ContentLevel,
): SpanRecord[] {
  const { runId, sessionId, userId, agentId, trace, messages } = record
  return referencesOf(messages.slice(part.from, part.to)).map((found) => {
    const { message, durationMs } = found
    const parentSpanId =
      message.role === 'tool' ? toolSpanId(runId, message.toolCallId, part.attempt) : attemptSpanId(runId, part.attempt)
    return {
      traceId: trace.traceId,
      spanId: retrieverSpanId(runId, message.id),
      parentSpanId,
      run: { runId, sessionId, userId, agentId },
      name: 'search_knowledge',
      kind: 'RETRIEVER',
      startMs: message.createdAt - durationMs,
      endMs: message.createdAt,
      error: null,
      attributes: attributesOf(found, sessionId, level),
    }
  })
}

function attributesOf({ query, documents }: References, sessionId: string, level: ContentLevel): Attributes {
  return {
    'openinference.span.kind': 'RETRIEVER',
    'session.id': sessionId,
    'gen_ai.operation.name': 'retrieval',
    'gen_ai.conversation.id': sessionId,
    'agentos.retrieval.documents': documents.length,
    ...(level !== 'none' && { 'input.value': query, 'input.mime_type': 'text/plain' }),
    ...(level === 'messages' && documentAttributes(documents)),
  }
}

/** Those first that fit together. */
function documentAttributes(documents: readonly Json[]): Attributes {
  const attributes: Record<string, SpanAttribute> = {}
  let room = MAX_TEXT
  for (const [index, document] of documents.slice(0, MAX_DOCUMENTS).entries()) {
    const { content, ...about } = isJsonObject(document) ? document : { content: document }
    const text = cutText(typeof content === 'string' ? content : JSON.stringify(document), undefined, MAX_DOCUMENT)
    room -= text.length
    if (room < 0) break
    const at = `retrieval.documents.${index}.document`
    attributes[`${at}.content`] = text
    const metadata = isJsonObject(about['meta_data']) ? { name: about['name'] ?? null, ...about['meta_data'] } : about
    attributes[`${at}.metadata`] = cutText(JSON.stringify(metadata), undefined, MAX_DOCUMENT)
  }
  return attributes
}
