/**
 * Making up for what users said while the memory manager failed. A manager that has just read what the user says now works,
 * so it is shown the missed messages next, in a call of their own: one that it cannot read spoils nothing else, and is given
 * up by whoever counts the misses.
 * @module
 */
import type { Ask } from '../../base/ask.ts'
import type { MemoryBacklog, MissedMessage } from '../../base/memory.ts'
import type { Log } from '../../telemetry/log.ts'
import { describeError } from '../thrown.ts'
import { letManagerRead, type Managed, type PreparedManager } from './manager.ts'
import type { Notebook } from './notebook.ts'
import type { SideDeps } from './side-call.ts'

export type MadeUp = Pick<Managed, 'used'> & {
  /** Absent when nothing came of it: then what was decided before stands. */
  readonly made?: Pick<Managed, 'changes' | 'changed'>
  readonly backlog: MemoryBacklog
}

/**
 * @param book with what the manager has decided so far
 * @returns undefined when nothing was missed
 */
export async function makeUpForMissed(
  manager: PreparedManager,
  book: Notebook,
  deps: SideDeps & { readonly ask: Ask; readonly log: Pick<Log, 'warn'> },
): Promise<MadeUp | undefined> {
  const missed = await deps.ask('missed-messages', null)
  if (missed.length === 0) return undefined
  const runIds = missed.map(({ runId }) => runId)
  try {
    const { changes, changed, used } = await letManagerRead(manager, describe(missed), book, deps)
    return { made: { changes, changed }, used, backlog: { isMissed: false, madeUp: runIds, failed: [] } }
  } catch (error) {
    if (deps.signal.aborted) return undefined
    deps.log.warn(`What the user said earlier could not be remembered: ${describeError(error)}`)
    return { used: [], backlog: { isMissed: false, madeUp: [], failed: runIds } }
  }
}

function describe(missed: readonly MissedMessage[]): string {
  const texts = missed.map(({ message }) => `<message>\n${message}\n</message>`)
  return `The user said this in earlier conversations, oldest first. What is remembered may be newer.\n\n${texts.join('\n')}`
}
