/**
 * Schedules of a server: composed of what looks for them and of the server that they call, which is made after it.
 * @module
 */
import type { Ids } from '../base/ids.ts'
import type { Config } from '../config/load.ts'
import type { createApp } from '../http/app.ts'
import { sendInside } from '../http/inside.ts'
import type { Runs } from '../runs/runs.ts'
import { createSchedules, type Schedules, type Send } from '../schedules/schedules.ts'
import type { Database } from '../storage/database.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

type SchedulesParts = {
  readonly database: Database
  readonly runs: Runs
  readonly ids: Ids
  readonly log: Log
  readonly metrics: Metrics
  readonly replicaId: string
}

export type ServerSchedules = Schedules & {
  /** From now on schedules are looked at, and call `app`. */
  readonly begin: (app: Awaited<ReturnType<typeof createApp>>) => void
}

export function openSchedules({ settings }: Config, parts: SchedulesParts): ServerSchedules {
  const { database, runs, ids, log, metrics, replicaId } = parts
  let sendTo: Send | undefined
  const schedules = createSchedules(
    { replicaId, pollMs: settings.AGENTOS_SCHEDULE_POLL_MS },
    {
      db: database.db,
      background: database.background,
      ids,
      log,
      send(request, signal) {
        if (sendTo === undefined) throw new TypeError('schedules are looked at before there is a server')
        return sendTo(request, signal)
      },
      cancelRun: runs.cancel,
      onMove: metrics.scheduleMoved,
    },
  )
  return {
    ...schedules,
    begin(app) {
      sendTo = sendInside(app, settings.OS_SECURITY_KEY)
      schedules.start()
    },
  }
}
