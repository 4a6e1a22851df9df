/**
 * Which generation serves. Compares the revision that the configured path names with the one that is loaded, loads what
 * differs beside what serves, and swaps one pointer when it is complete.
 * Invariant: `current()` is always a whole revision; a failure of any kind leaves it as it was.
 * @module
 */
import type { AnswerAsk } from '../base/ask.ts'
import type { Clock } from '../base/clock.ts'
import type { FileReport } from '../base/runnable.ts'
import type { Log } from '../telemetry/log.ts'
import { attemptRevision, createRevisionNames } from './attempt.ts'
import { type Condition, createCondition, type LoadState } from './condition.ts'
import type { Generation } from './generation.ts'
import { createPursuit } from './pursuit.ts'
import { createReconciler } from './reconciler.ts'
import type { LoadSettings } from './revision.ts'
import { createServing, type GenerationStatus, type ServingGenerations } from './serving.ts'
import { createLook, directoriesOf } from './sight.ts'
import { createSnapshots } from './snapshot.ts'
import type { AgentLogLine } from './thread.ts'
import { createWatcher, type WatcherDeps } from './watch.ts'

export type RegistryOptions = LoadSettings & {
  /** Folder of agents, or a link to one, as configured. */
  readonly directory: string
  /** Holds the private copies of revisions; other processes may use it too. */
  readonly snapshotDirectory: string
  /** Quiet time after a change before it loads, in milliseconds. */
  readonly debounceMs: number
  /** How often the folder is compared with what serves, in milliseconds. */
  readonly pollMs: number
  /** How long runs of a replaced generation may go on, in milliseconds. */
  readonly drainMs: number
  /** Whether to follow changes by itself; {@link Registry.reload} always works. */
  readonly watch: boolean
}

export type RegistryDeps = {
  readonly clock: Clock
  readonly log: Log
  /** Takes what agent code logs and prints. */
  readonly onLog: (line: AgentLogLine) => void
  /** Answers what runs ask for; without it they are told that nobody can. */
  readonly answerAsk?: AnswerAsk | undefined
  /** The worker of a generation has ended by itself. */
  readonly onWorkerEnd?: (() => void) | undefined
  /** A revision was tried, and what came of it; not when it is what serves already. */
  readonly onLoad?: ((outcome: 'swapped' | 'failed' | 'empty') => void) | undefined
  readonly watch?: WatcherDeps['watch']
}

export type LoadStatus = {
  /** The revision that the path names; null when it names none. */
  readonly desired: string | null
  /** The revision that serves. */
  readonly loaded: string | null
  /** Milliseconds since the epoch. */
  readonly loadedAt: number | null
  /** `empty`: there is nothing to serve, and nothing is wrong with the server. */
  readonly state: LoadState
  /** Why it is not `ready`, in words. */
  readonly error: string | null
  /** The files of the latest revision that was tried. */
  readonly files: readonly FileReport[]
  readonly generations: readonly GenerationStatus[]
}

export type Registry = {
  /** The generation for new runs. Take it and start the run in the same turn. */
  readonly current: () => Generation | undefined
  readonly status: () => LoadStatus
  /** Reconciles now, also a revision that failed before. Resolves when that has ended. */
  readonly reload: () => Promise<LoadStatus>
  /** From now on swaps are ignored: the process is draining. */
  readonly stopWatching: () => void
  /** Ends all generations; their runs are lost. */
  readonly close: () => Promise<void>
}

export function createRegistry(options: RegistryOptions, deps: RegistryDeps): Registry {
  const { clock, log } = deps
  const stopping = new AbortController()
  const serving = createServing(options.drainMs, deps)
  const condition = createCondition(log, serving.revision)
  const snapshots = createSnapshots(options.snapshotDirectory, process.pid)
  const nameRevision = createRevisionNames()
  const look = createLook(options.directory, clock)
  const pursuit = createPursuit({
    look,
    condition,
    clock,
    signal: stopping.signal,
    onAttempt: (type) => deps.onLoad?.(type === 'ready' ? 'swapped' : type),
    onSight: (sight) => watcher?.follow(directoriesOf(sight)),
    replace: serving.replace,
    attempt: (sight) =>
      attemptRevision(sight, {
        directory: options.directory,
        look,
        snapshots,
        nameRevision,
        settings: options,
        deps: { ...deps, signal: stopping.signal },
        serving: serving.loaded(),
        onRevision: condition.loading,
      }),
  })
  const reconciler = createReconciler({ ...options, ...pursuit, clock })
  const watcher = options.watch ? createWatcher({ ...deps, onChange: reconciler.hint }) : undefined
  const stopWatching = () => {
    reconciler.pause()
    watcher?.close()
  }
  if (!options.watch) reconciler.pause()
  void reconciler.now()
  const status = () => describeStatus(condition, serving)
  return {
    current: serving.current,
    status,
    reload: async () => {
      await reconciler.now()
      return status()
    },
    stopWatching,
    close: async () => {
      stopWatching()
      stopping.abort()
      await reconciler.close()
      await serving.close('the server is stopping')
    },
  }
}

function describeStatus(condition: Condition, serving: ServingGenerations): LoadStatus {
  const { state, error, ...rest } = condition.now()
  return {
    ...rest,
    state,
    error: error ?? serving.problem() ?? null,
    loaded: serving.revision() ?? null,
    ...serving.describe(),
  }
}
