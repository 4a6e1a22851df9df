/**
 * What a run does for later conversations, beside its answer: the memory manager looks at what the user says while the
 * model answers, and once the answer is there the session is summed up. All of it is stored with the run's end, in one
 * statement: a run that is lost before does it again, and one that has ended has done it once.
 *
 * The answer is committed first, so that a replica that takes the run up does not ask the model for it again. Whatever
 * fails here, or is cut short by a cancel, leaves the run completed. What the manager could not read is noted with the end,
 * for a later run to make up for (`missed.ts`).
 * @module
 */
import { uuidOf } from '../../base/ids.ts'
import type { Memory, MemoryBacklog, Recollection } from '../../base/memory.ts'
import type { Message } from '../../base/message.ts'
import type { RunJob } from '../../base/run.ts'
import type { Execution, RunPorts } from '../execution.ts'
import { usableHistory } from '../history.ts'
import { commitMessages } from '../journal.ts'
import { describeError } from '../thrown.ts'
import { letManagerRead, type Managed, MOST_SHOWN, openNotebook, type PreparedManager } from './manager.ts'
import { makeUpForMissed } from './missed.ts'
import { summarizeSession } from './summary.ts'

export type SideWork = {
  /** The answer is there: waits for the memories, sums up, and leaves both in the run. */
  readonly complete: () => Promise<void>
  /** Ends what still runs, and waits until it has. */
  readonly stop: () => Promise<void>
}

/** Why side work of a run without an answer ends: nobody needs to hear of it. */
const UNWANTED = new Error('the run ended without an answer')

/** Characters of a message that the memory manager looks at. */
const MOST_OF_INPUT = 20_000

/** Starts looking at what the user says. @param recollection what the run was told when it began, where it was */
export function startSideWork(run: Execution, recollection: Recollection | undefined): SideWork {
  const { agent, job, ports } = run
  const { extractor, summarizer } = agent.memory ?? {}
  const isAlone = extractor === undefined && summarizer === undefined
  const stopping = new AbortController()
  const signal = AbortSignal.any([ports.signal, stopping.signal])
  const message = job.input.trim().slice(0, MOST_OF_INPUT)
  const extraction =
    extractor === undefined || job.userId === null || message === ''
      ? undefined
      : settle(ports, 'The memories of the user could not be kept', () =>
          extract(extractor, message, recollection, { job, ports, signal }),
        )
  return {
    async complete() {
      if (isAlone) return
      await commitMessages(run)
      const limit = setTimeout(
        () => stopping.abort(new Error('it took too long after the answer')),
        ports.limits.toolTimeoutMs,
      )
      try {
        if (extraction !== undefined) await keepMemories(run, extraction)
        if (summarizer !== undefined) await keepSummary(run, recollection, signal)
      } finally {
        clearTimeout(limit)
      }
    },
    async stop() {
      stopping.abort(UNWANTED)
      await extraction
    },
  }
}

type Extracted = Managed & { readonly backlog?: MemoryBacklog | undefined }
type Extraction = Promise<Extracted | undefined>

async function extract(
  manager: PreparedManager,
  message: string,
  recollection: Recollection | undefined,
  { job, ports, signal }: { readonly job: RunJob; readonly ports: RunPorts; readonly signal: AbortSignal },
): Promise<Extracted> {
  const known = recollection ?? (await ports.ask('recall', { memories: MOST_SHOWN, summary: false }))
  signal.throwIfAborted()
  // Of what the user says now: a run that is continued with new words keeps what it learned from those before.
  const idOf = (index: number) => uuidOf('memory', job.runId, message, String(index))
  const book = openNotebook(known, idOf)
  const deps = { ...ports, signal }
  const made = await letManagerRead(manager, message, book, deps)
  const later = await settle(ports, 'What a user said earlier could not be looked for', () =>
    makeUpForMissed(manager, book, deps),
  )
  return later === undefined
    ? made
    : { ...made, ...later.made, used: [...made.used, ...later.used], backlog: later.backlog }
}

async function keepMemories(run: Execution, extraction: Extraction): Promise<void> {
  const { clock, emit } = run.ports
  emit({ type: 'memory-start', at: clock.now() })
  const made = await extraction
  if (made === undefined) {
    run.memoryBacklog = { isMissed: true, madeUp: [], failed: [] }
    return emit({ type: 'memory-end', at: clock.now() })
  }
  run.memoryChanges = made.changes
  run.memoryBacklog = made.backlog
  run.beside.push(...made.used)
  const memories: readonly Memory[] = made.changed
  emit({ type: 'memory-end', at: clock.now(), memories })
}

async function keepSummary(run: Execution, recollection: Recollection | undefined, signal: AbortSignal): Promise<void> {
  const { agent, job, ports, loop } = run
  const { summarizer } = agent.memory ?? {}
  if (summarizer === undefined) return
  const { clock, emit } = ports
  emit({ type: 'summary-start', at: clock.now() })
  const made = await settle(ports, 'The session could not be summed up', async () => {
    const { summary: before } = recollection ?? (await ports.ask('recall', { memories: 0, summary: true }))
    const said: readonly Message[] = before === null ? [...usableHistory(job.history), ...loop.messages] : loop.messages
    return summarizeSession(summarizer, before, said, { ...ports, signal })
  })
  if (made === undefined) return emit({ type: 'summary-end', at: clock.now() })
  run.beside.push(...made.used)
  run.summary = made.summary
  emit({ type: 'summary-end', at: clock.now(), ...(made.summary !== undefined && { summary: made.summary }) })
}

/** Never rejects: what fails is told in the log. */
async function settle<T>({ log, signal }: RunPorts, what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!signal.aborted && error !== UNWANTED) log.warn(`${what}: ${describeError(error)}`)
    return undefined
  }
}
