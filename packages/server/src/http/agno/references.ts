/**
 * What an answer rests on, as Agno shows it: what was looked up for it (MessageReferences), and what its provider cites.
 * @module
 */
import type { Citations, MessageReferences } from '@agentos/wire'
import type { Message } from '../../base/message.ts'
import { type References, referencesOf } from '../../base/references.ts'
import { addSource, type Source } from '../../base/source.ts'

export function toReferences({ query, documents, durationMs }: Omit<References, 'message'>): MessageReferences {
  return { query, references: [...documents], time: Math.round(durationMs / 0.1) / 10_000 }
}

/** Of all messages; empty where nothing was looked up. */
export function toRunReferences(messages: readonly Message[]): MessageReferences[] {
  return referencesOf(messages).map(toReferences)
}

/** What the replies among `messages` cite, each once. */
export function citedIn(messages: readonly Message[]): readonly Source[] {
  let sources: readonly Source[] = []
  for (const message of messages) {
    if (message.role !== 'assistant') continue
    for (const source of message.citations ?? []) sources = addSource(sources, source)
  }
  return sources
}

/** Under the key of Agno; nothing where nothing is cited. */
export function toCitations(sources: readonly Source[] = []): { readonly citations?: Citations } {
  if (sources.length === 0) return {}
  const urls = sources.flatMap((source) =>
    source.type === 'url' ? [{ url: source.url, ...(source.title !== undefined && { title: source.title }) }] : [],
  )
  const documents = sources.flatMap((source) => {
    if (source.type !== 'document') return []
    const { title, fileName, citedText } = source
    return [
      {
        document_title: title,
        ...(citedText !== undefined && { cited_text: citedText }),
        ...(fileName !== undefined && { file_name: fileName }),
      },
    ]
  })
  return { citations: { ...(urls.length > 0 && { urls }), ...(documents.length > 0 && { documents }) } }
}
