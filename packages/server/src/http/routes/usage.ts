/**
 * Usage per day. It is counted as it happens; reading it adds up what is not yet, and a refresh does no more.
 * @module
 */
import { DayUsage, UsageQuery, UsageRefresh, UsageRefreshQuery, UsageRefreshStatus, UsageReport } from '@agentos/wire'
import { z } from 'zod'
import { addUpUsage, readUsage } from '../../storage/usage.ts'
import { toIsoSeconds } from '../agno/time.ts'
import { toDayUsage } from '../agno/usage.ts'
import type { AppDeps } from '../deps.ts'
import { route } from '../route.ts'

const tag = 'Usage'
/** What one request adds up at most, in ten thousands of events; the rest is added up in the background. */
const BATCHES = 20
const DAY_MS = 86_400_000
const MESSAGES = {
  already_running: 'A metrics refresh is already in progress for this database',
  started: 'Metrics refresh started in background',
} as const

export const getUsage = route({
  method: 'GET',
  path: '/metrics',
  scope: 'metrics:read',
  tag,
  summary: 'Runs, sessions, users, tokens and models per day, oldest first',
  query: UsageQuery,
  response: UsageReport,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ query, deps }) {
    const { db } = deps.database
    await addUpUsage(db, BATCHES)
    const days = await readUsage(db, { from: query.starting_date, to: query.ending_date, userId: query.user_id })
    const updated = days.map(({ updatedAt }) => updatedAt.getTime())
    return {
      metrics: days.map(toDayUsage),
      updated_at: updated.length === 0 ? null : toIsoSeconds(Math.max(...updated)),
    }
  },
})

export const refreshUsage = route({
  method: 'POST',
  path: '/metrics/refresh',
  scope: 'metrics:write',
  tag,
  summary: 'Add up what was counted since, and answer with the latest days; usage is always up to date without it',
  query: UsageRefreshQuery,
  response: z.array(DayUsage),
  accepted: UsageRefresh,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ query, deps, call }) {
    const refreshing = deps.usageRefresh.start(() => addUpUsage(deps.database.db, BATCHES))
    if (query.background) {
      call.setStatus(202)
      // Its outcome is in the status.
      refreshing?.catch(() => undefined)
      const status = refreshing === undefined ? ('already_running' as const) : ('started' as const)
      return { status, message: MESSAGES[status] }
    }
    const changed = (await refreshing) ?? []
    return readRefreshed(deps, changed, query.user_id)
  },
})

export const getUsageRefreshStatus = route({
  method: 'GET',
  path: '/metrics/refresh/status',
  scope: 'metrics:read',
  tag,
  summary: 'What became of the last refresh on this replica',
  response: UsageRefreshStatus,
  errors: [],
  handle({ deps }) {
    const { status, startedAt, finishedAt, error } = deps.usageRefresh.state()
    return {
      status,
      started_at: startedAt === null ? null : toIsoSeconds(startedAt),
      finished_at: finishedAt === null ? null : toIsoSeconds(finishedAt),
      error,
    }
  },
})

/** The days that have changed, and the last two: in Agno those are computed anew. */
async function readRefreshed(deps: AppDeps, changed: readonly string[], userId: string | undefined) {
  const yesterday = toIsoSeconds(deps.clock.now() - DAY_MS).slice(0, 10)
  const from = changed.reduce((earliest, day) => (day < earliest ? day : earliest), yesterday)
  const days = await readUsage(deps.database.db, { from, userId })
  return days.filter(({ day }) => day >= yesterday || changed.includes(day)).map(toDayUsage)
}
