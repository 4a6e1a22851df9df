/**
 * Following a run from any event on, wherever it runs or ran: what is stored first, then what comes, live from memory
 * while this replica has the run and through storage while another one has.
 *
 *   live here -- leaves this replica --> tail -- is live here --> live here
 *   either -- the run is at rest --> over
 *
 * Invariant: a follower gets every entry after its own last one once, in order, void ones left out.
 * @module
 */
import { isAtRest, type RunStatus } from '../base/run.ts'
import type { Db } from '../storage/database.ts'
import { findRun } from '../storage/runs/runs.ts'
import { tailEvents } from '../storage/runs/tail-events.ts'
import type { Entry } from './feed.ts'
import type { LiveRun } from './live-run.ts'
import { splitChunks } from './stored-entries.ts'
import type { Tails } from './tails.ts'

export type Follower = {
  /** New entries, in order. */
  readonly onEntries: (entries: readonly Entry[]) => void
  /** The run is at rest: nothing follows. */
  readonly onEnd: () => void
}

export type Following = {
  readonly runId: string
  readonly sessionId: string
  readonly status: RunStatus
  readonly agentId: string
  /** Entries after the asked index so far, void ones left out. */
  readonly missed: readonly Entry[]
  /** Index of the last entry so far; -1 when there is none. */
  readonly lastIndex: number
  /**
   * Everything after {@link missed}. To be called once, in the tick that got this object.
   * @returns ends it
   */
  readonly subscribe: (follower: Follower) => () => void
}

export type FollowDeps = {
  readonly db: Db
  readonly tails: Tails
  readonly live: (runId: string) => LiveRun | undefined
}

/**
 * @param afterIndex index of the last entry that the follower has; -1 for none
 * @returns undefined when there is no such run
 */
export async function followRun(deps: FollowDeps, runId: string, afterIndex: number): Promise<Following | undefined> {
  const here = deps.live(runId)
  if (here !== undefined && here.feed.heldFrom() <= afterIndex + 1) return followLive(deps, here, [], afterIndex)
  // The events and the status of one moment: a run that is at rest has no others.
  const [run, [stored]] = await Promise.all([
    findRun(deps.db, runId),
    tailEvents(deps.db, [{ runId, afterIndex, chunkFirst: -1 }]),
  ])
  if (run === undefined || stored === undefined) return undefined
  const missed = splitChunks(stored.chunks, afterIndex, stored.voidEvents)
  const storedIndex = Math.max(afterIndex, stored.chunks.at(-1)?.lastIndex ?? -1)
  if (here !== undefined && continuesAt(deps, here, storedIndex)) return followLive(deps, here, missed, storedIndex)
  const { sessionId, componentId: agentId } = run
  return followStored(deps, { runId, sessionId, agentId, status: stored.status, missed, lastIndex: storedIndex })
}

/** Follows a run that is live here from its first event; reads nothing. */
export function followFromStart(deps: FollowDeps, live: LiveRun): Following {
  return followLive(deps, live, [], -1)
}

/**
 * Whether a follower who has read storage up to `index` misses nothing by going on with `seen`: the run was live here
 * before that reading began, so that all of its earlier attempts were in storage, and what it has stored since is not
 * past it.
 */
function continuesAt(deps: FollowDeps, seen: LiveRun, index: number): boolean {
  return deps.live(seen.runId) === seen && seen.feed.heldFrom() <= Math.max(index + 1, seen.firstIndex)
}

function followLive(deps: FollowDeps, live: LiveRun, stored: readonly Entry[], afterIndex: number): Following {
  const held = live.feed.held(afterIndex)
  const lastIndex = held.at(-1)?.index ?? afterIndex
  return {
    runId: live.runId,
    sessionId: live.sessionId,
    status: 'RUNNING',
    agentId: live.agent.id,
    missed: [...stored, ...held],
    lastIndex: Math.max(lastIndex, live.feed.heldFrom() - 1),
    subscribe: (follower) => connect(deps, live.runId, follower, (connection) => connection.live(live, lastIndex)),
  }
}

function followStored(deps: FollowDeps, stored: Omit<Following, 'subscribe'>): Following {
  const { runId, status, lastIndex } = stored
  return {
    ...stored,
    subscribe: (follower) => {
      if (!isAtRest(status)) return connect(deps, runId, follower, (connection) => connection.tail(lastIndex))
      follower.onEnd()
      return () => {}
    },
  }
}

type Connection = {
  /** Takes entries after `afterIndex` from memory. */
  readonly live: (run: LiveRun, afterIndex: number) => void
  /** Takes entries after `afterIndex` from storage. */
  readonly tail: (afterIndex: number) => void
}

/** Connects a follower to where the run is now, and again whenever that changes. @returns disconnects it for good */
function connect(deps: FollowDeps, runId: string, follower: Follower, begin: (at: Connection) => void): () => void {
  let disconnect = () => {}
  let isOver = false
  const end = () => {
    if (isOver) return
    isOver = true
    follower.onEnd()
  }
  const connection: Connection = {
    live(run, afterIndex) {
      const missed = run.feed.held(afterIndex)
      let lastIndex = missed.at(-1)?.index ?? afterIndex
      if (missed.length > 0) follower.onEntries(missed)
      if (isOver) return
      let hasLeft = false
      const unsubscribe = run.feed.subscribe({
        onEntries(entries) {
          // A follower of a later attempt is past these: this replica has not noticed yet that it lost the run.
          const news = entries.filter(({ index }) => index > lastIndex)
          if (news.length === 0) return
          lastIndex = news.at(-1)?.index ?? lastIndex
          follower.onEntries(news)
        },
        onEnd: (atRest) => {
          hasLeft = true
          if (atRest) end()
          else if (!isOver) connection.tail(lastIndex)
        },
      })
      // One that has ended says so at once, and the follower is somewhere else by now.
      if (!hasLeft) disconnect = unsubscribe
    },
    tail(afterIndex) {
      let seen: LiveRun | undefined
      disconnect = deps.tails.add(runId, afterIndex, {
        onEntries: follower.onEntries,
        onEnd: end,
        onRead: () => (seen = deps.live(runId)),
        promote(lastIndex) {
          if (seen === undefined || !continuesAt(deps, seen, lastIndex)) return false
          connection.live(seen, lastIndex)
          return true
        },
      })
    },
  }
  begin(connection)
  return () => {
    isOver = true
    disconnect()
  }
}
