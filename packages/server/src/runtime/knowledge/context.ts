/**
 * Knowledge in what a model reads first: how to search, in the system prompt, and what was found, in the user's message.
 * The tags and their place are Agno's.
 * @module
 */
import type { RunContext } from '@agentos/sdk'
import type { UserMessage } from '../../base/message.ts'
import type { RunJob } from '../../base/run.ts'
import { untilAborted } from '../abort.ts'
import type { Inside } from '../inside.ts'
import { describeError } from '../thrown.ts'
import type { PreparedKnowledge } from './prepare.ts'
import { effectiveFilters, lookUp, writeDocuments } from './retrieve.ts'

const SEARCH_FIRST =
  'There is a knowledge base, which the tool search_knowledge_base searches. Search it before you answer a question: what ' +
  'you believe to know may be wrong here. When a question is unclear, search first and ask back only if that does not help. ' +
  'Name the documents that an answer rests on.'

/** What adding references needs of a run's ports. */
type ContextPorts = Pick<Inside, 'ask' | 'clock' | 'log' | 'limits'> & { readonly signal: AbortSignal }

/** Most keys that the prompt names. */
const MOST_KEYS = 100

/** How to search; empty where there is nothing to search, or nothing is to be said of it. */
export async function writeSearchInstructions(
  knowledge: PreparedKnowledge | undefined,
  { ask, log, signal }: Pick<ContextPorts, 'ask' | 'log' | 'signal'>,
): Promise<string> {
  if (knowledge === undefined || !knowledge.searchKnowledge || !knowledge.addSearchKnowledgeInstructions) return ''
  const { knowledgeId, enableAgenticKnowledgeFilters } = knowledge
  if (knowledgeId === null) return ''
  if (!enableAgenticKnowledgeFilters) return inTag([SEARCH_FIRST])
  try {
    const keys = await untilAborted(ask('knowledge-keys', { knowledgeId }), signal)
    return inTag(keys.length === 0 ? [SEARCH_FIRST] : [SEARCH_FIRST, filterInstructions(keys.slice(0, MOST_KEYS))])
  } catch (error) {
    signal.throwIfAborted()
    log.warn(`The keys of knowledge base "${knowledgeId}" could not be read: ${describeError(error)}`)
    return inTag([SEARCH_FIRST])
  }
}

function filterInstructions(keys: readonly string[]): string {
  const list = keys.join(', ')
  return `The documents in the knowledge base carry metadata under these keys: ${list}.
When the question names a person, a place, a type of document or anything else that is one of these keys, pass it in filters, for example [{"key": "${keys[0]}", "value": "..."}]. Use the narrowest filters that fit, several at once if they apply, and no other keys.`
}

function inTag(parts: readonly string[]): string {
  return `<knowledge_base>\n${parts.join('\n')}\n</knowledge_base>`
}

/**
 * The user's message with what is found for it. As in Agno, a search that fails or finds nothing leaves the message as it
 * is: the log tells why.
 */
export async function addReferences(
  knowledge: PreparedKnowledge | undefined,
  message: UserMessage,
  { job, ctx, ports }: { readonly job: RunJob; readonly ctx: RunContext; readonly ports: ContextPorts },
): Promise<UserMessage> {
  const query = message.content
  if (knowledge === undefined || !knowledge.addKnowledgeToContext || query.trim() === '') return message
  const { signal, log, limits } = ports
  signal.throwIfAborted()
  try {
    const filters = effectiveFilters(knowledge, job.request)
    const found = await untilAborted(lookUp(knowledge, { query, filters, ctx }, ports), signal)
    const { documents, durationMs, notes } = found
    if (documents.length === 0) {
      if (notes.length > 0) log.info(`No references for the message: ${notes.join('. ')}`)
      return message
    }
    const before = `${query}\n\nUse the following references from the knowledge base if it helps:\n<references>\n`
    const text = writeDocuments(documents, limits.toolResultBytes)
    const retrieval = { query, durationMs, from: before.length, to: before.length + text.length }
    return { ...message, content: `${before}${text}\n</references>`, retrieval }
  } catch (error) {
    signal.throwIfAborted()
    log.warn(`No references for the message: ${describeError(error)}`)
    return message
  }
}
