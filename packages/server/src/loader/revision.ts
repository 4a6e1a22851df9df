/**
 * Loads one snapshot into a new generation. In a partial load, a file that ends the worker (a loop, an exit) is settled
 * as an error and the others are tried again without it.
 * @module
 */
import { join } from 'node:path'
import type { AnswerAsk } from '../base/ask.ts'
import type { Clock } from '../base/clock.ts'
import type { FileReport } from '../base/runnable.ts'
import type { Log } from '../telemetry/log.ts'
import { type ManagedGeneration, startGeneration } from './generation.ts'
import type { WorkerInit } from './protocol.ts'
import type { AgentLogLine } from './thread.ts'

/** What every generation of a registry has in common. */
export type LoadSettings = {
  /** Entry of the worker. */
  readonly workerEntry: URL
  readonly policy: 'strict' | 'partial'
  readonly defaultModel: string
  /** Directory of Node's compile cache. */
  readonly compileCache: string
  /** Longest time a revision may take to load, in milliseconds. */
  readonly loadTimeoutMs: number
  /** JavaScript heap of the worker, in MiB. */
  readonly heapMb: number
  /** Environment that agents see. */
  readonly workerEnv: Readonly<Record<string, string>>
  readonly toolTimeoutMs: number
  readonly toolResultBytes: number
  /** Heartbeat of the workers, in milliseconds; five unanswered ones end a worker. Default 1000. */
  readonly heartbeatMs?: number
}

export type RevisionSource = {
  readonly revision: string
  /** Root of the snapshot. */
  readonly root: string
  /** What the snapshot is a copy of. */
  readonly origin: string
  /** Agents folder relative to both. */
  readonly folder: string
  /** A revision of a repository must not import what lies outside it. */
  readonly mayLeave: boolean
  /** Files refused already. */
  readonly refused: readonly FileReport[]
}

export type RevisionOutcome =
  | { readonly type: 'ready'; readonly generation: ManagedGeneration }
  | {
      readonly type: 'rejected'
      readonly files: readonly FileReport[]
      readonly reason: string
      /** Sources outside the snapshot that it imported. */
      readonly outside: readonly string[]
    }

/** Files that may end the worker of a partial load, one after the other, before it is given up. */
const MAX_SETTLED = 5

export type RevisionDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly onLog: (line: AgentLogLine) => void
  readonly answerAsk?: AnswerAsk | undefined
  /** The worker of a generation has ended by itself. */
  readonly onWorkerEnd?: (() => void) | undefined
  /** Gives a load up; the generation that has loaded goes on. */
  readonly signal: AbortSignal
}

export async function loadRevision(
  source: RevisionSource,
  settings: LoadSettings,
  deps: RevisionDeps,
): Promise<RevisionOutcome> {
  const settled = [...source.refused]
  for (;;) {
    const outcome = await startGeneration({ ...deps, thread: threadOptions(source, settings, settled, deps) })
    if (outcome.type === 'ready') return outcome
    if (outcome.type === 'rejected') return { ...outcome, reason: summarise(outcome.files) }
    const { path, reason } = outcome
    if (path === undefined)
      return { type: 'rejected', files: settled, reason: `the worker ended while loading: ${reason}`, outside: [] }
    settled.push({ path, outcome: 'error', runnables: [], detail: `while it was imported: ${reason}` })
    const mayTryOthers = settings.policy === 'partial' && settled.length - source.refused.length <= MAX_SETTLED
    if (!mayTryOthers) return { type: 'rejected', files: settled, reason: summarise(settled), outside: [] }
  }
}

function threadOptions(
  source: RevisionSource,
  settings: LoadSettings,
  settled: readonly FileReport[],
  deps: RevisionDeps,
) {
  const init: WorkerInit = {
    directory: join(source.root, source.folder),
    root: source.root,
    origin: source.origin,
    mayLeave: source.mayLeave,
    settled,
    revision: source.revision,
    policy: settings.policy,
    defaultModel: settings.defaultModel,
    compileCache: settings.compileCache,
    env: settings.workerEnv,
    toolTimeoutMs: settings.toolTimeoutMs,
    toolResultBytes: settings.toolResultBytes,
  }
  return {
    entry: settings.workerEntry,
    init,
    heapMb: settings.heapMb,
    loadTimeoutMs: settings.loadTimeoutMs,
    heartbeatMs: settings.heartbeatMs ?? 1_000,
    onLog: deps.onLog,
  }
}

/** One sentence for many reports: the first error, and how many more there are. */
function summarise(files: readonly FileReport[]): string {
  const errors = files.filter(({ outcome }) => outcome === 'error')
  const [first] = errors
  if (first === undefined) return 'no file could be loaded'
  const more = errors.length === 1 ? '' : `\nand ${errors.length - 1} more files with errors`
  return `${first.path}: ${first.detail ?? 'failed'}${more}`
}
