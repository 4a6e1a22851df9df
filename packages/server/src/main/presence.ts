/**
 * Tells the fleet that this replica lives, which revision it serves and whether it takes up runs, and hears from it:
 * whether the database answers, and whether somebody asked all replicas to load their agents again.
 * @module
 */
import type { Registry } from '../loader/registry.ts'
import type { Database } from '../storage/database.ts'
import { heartbeat, removeReplica, requestReload } from '../storage/replicas.ts'
import type { Log } from '../telemetry/log.ts'

export type Presence = {
  /** Why the database cannot be used; undefined while it answers. */
  readonly databaseProblem: () => string | undefined
  /** Asks all other replicas to load their agents again; this one has. */
  readonly requestReload: () => Promise<void>
  readonly close: () => Promise<void>
}

type PresenceDeps = {
  readonly database: Database
  readonly registry: Registry
  readonly replicaId: string
  readonly log: Log
  /** Whether this replica takes up runs that wait, now. */
  readonly takesRuns: () => boolean
}

const BEAT_MS = 2000

export function startPresence({ database, registry, replicaId, log, takesRuns }: PresenceDeps): Presence {
  let problem: string | undefined
  let seenReload: number | undefined
  let beating: Promise<void> | undefined

  async function beatOnce(): Promise<void> {
    try {
      const state = { replicaId, revision: registry.status().loaded, takesRuns: takesRuns() }
      const { reloadVersion } = await heartbeat(database.background, state)
      if (problem !== undefined) log.info('the database answers again')
      problem = undefined
      const isAsked = seenReload !== undefined && reloadVersion > seenReload
      seenReload = reloadVersion
      if (isAsked) void registry.reload()
    } catch (error) {
      if (problem === undefined) log.error('the database does not answer', { error })
      problem = error instanceof Error ? error.message : String(error)
    }
  }
  const beat = (): Promise<void> => {
    beating ??= beatOnce().finally(() => {
      beating = undefined
    })
    return beating
  }
  const timer = setInterval(() => void beat(), BEAT_MS)
  void beat()
  return {
    databaseProblem: () => problem,
    requestReload: async () => {
      seenReload = await requestReload(database.db)
    },
    close: async () => {
      clearInterval(timer)
      await beating
      if (problem === undefined) await removeReplica(database.background, replicaId).catch(() => undefined)
    },
  }
}
