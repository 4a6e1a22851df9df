/**
 * A real replica of a test database that fires schedules. What a worker would do with their runs, a test says.
 * @module
 */
import { systemClock } from '../../base/clock.ts'
import { createIds } from '../../base/ids.ts'
import { createSchedules, type Schedules, type Send } from '../../schedules/schedules.ts'
import type { TestDatabase } from '../../storage/testing/database.ts'
import { createLog } from '../../telemetry/log.ts'
import type { ScheduleMove } from '../../telemetry/metrics.ts'
import { sendInside } from '../inside.ts'
import { openReplica, type Replica } from './replica.ts'

export type SchedulingReplica = Replica & {
  readonly schedules: Schedules
  readonly moves: ScheduleMove[]
  /** What it called. */
  readonly sent: Parameters<Send>[0][]
}

export type SchedulingOptions = {
  /** False: nobody looks, until the test starts it. */
  readonly isLooking?: boolean
  readonly securityKey?: string
  /** In place of the server itself. */
  readonly send?: Send
  /** False: leaves runs to other replicas. */
  readonly isRunning?: boolean
}

const ids = createIds(systemClock)
const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

export async function openScheduling(
  database: TestDatabase,
  { isLooking = true, isRunning = true, securityKey, send }: SchedulingOptions = {},
): Promise<SchedulingReplica> {
  const moves: ScheduleMove[] = []
  const sent: Parameters<Send>[0][] = []
  const trigger = (scheduleId: string) => schedules.trigger(scheduleId)
  const settings = { securityKey }
  const runs = { queuePollMs: 100, ...(!isRunning && { maxBackgroundRuns: 0 }) }
  const replica = await openReplica(database, { schedules: { trigger }, settings, runs })
  const inside = send ?? sendInside(replica.app, securityKey)
  const schedules = createSchedules(
    { replicaId: ids.uuid(), pollMs: 50 },
    {
      db: database.db,
      background: database.background,
      ids,
      log,
      send(request, signal) {
        sent.push(request)
        return inside(request, signal)
      },
      cancelRun: replica.runs.cancel,
      onMove: (move) => void moves.push(move),
    },
  )
  if (isLooking) schedules.start()
  return {
    ...replica,
    // The tests set it on the replica that plays.
    get play() {
      return replica.play
    },
    set play(play) {
      replica.play = play
    },
    schedules,
    moves,
    sent,
    async [Symbol.asyncDispose]() {
      await schedules.close()
      await replica[Symbol.asyncDispose]()
    },
  }
}
