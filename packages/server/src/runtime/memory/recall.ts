/**
 * What a run is told of the past when it begins, as much of it as its prompt has room for.
 * @module
 */
import type { Ask } from '../../base/ask.ts'
import type { Memory, Recollection } from '../../base/memory.ts'
import type { PromptParts } from '../prompt.ts'
import { MOST_SHOWN } from './manager.ts'
import type { PreparedMemory } from './prepare.ts'

/** Memories in a prompt, those that changed last, and their characters together. */
const MOST_IN_CONTEXT = 50
const MOST_CHARACTERS = 20_000

/**
 * Asks once for all that the run needs: its prompt, the memory manager, the summary.
 * @returns undefined when nothing of it is needed
 */
export async function recall(
  memory: PreparedMemory | undefined,
  userId: string | null,
  ask: Ask,
): Promise<Recollection | undefined> {
  if (memory === undefined) return undefined
  const { info, extractor, summarizer } = memory
  const wanted = extractor !== undefined ? MOST_SHOWN : info.addMemoriesToContext ? MOST_IN_CONTEXT : 0
  const memories = userId === null ? 0 : wanted
  const summary = info.addSessionSummaryToContext || summarizer !== undefined
  return memories === 0 && !summary ? undefined : ask('recall', { memories, summary })
}

/** What of it stands in the prompt. Without a user nothing is said of memories. */
export function contextOf(
  memory: PreparedMemory | undefined,
  userId: string | null,
  recollection: Recollection | undefined,
): Pick<PromptParts, 'memories' | 'managesMemories' | 'summary'> {
  if (memory === undefined) return {}
  const { info } = memory
  const { memories = [], summary = null } = recollection ?? {}
  const hasUser = userId !== null && info.addMemoriesToContext
  return {
    memories: hasUser ? thatFit(memories.slice(0, MOST_IN_CONTEXT).map(inOneLine)) : undefined,
    managesMemories: hasUser && info.enableAgenticMemory,
    summary: info.addSessionSummaryToContext && summary !== null ? summary : undefined,
  }
}

/** A memory is a point of a list there. */
function inOneLine({ memory }: Memory): string {
  return memory.replaceAll(/\s+/g, ' ')
}

/** The first ones as far as there is room. */
function thatFit(memories: readonly string[]): string[] {
  let room = MOST_CHARACTERS
  return memories.filter((memory) => {
    room -= memory.length
    return room >= 0
  })
}
