/**
 * Usage per day: adding up what the triggers of `0008_usage.sql` have counted, and reading it. Deleting sessions changes
 * nothing of it.
 *
 * Invariant: every row of `agentos_usage_log` is added once, because it is deleted in the statement that adds it.
 * @module
 */
import { sql, type RawBuilder } from 'kysely'
import type { Usage } from '../base/usage.ts'
import type { Db } from './tables.ts'

/** Any constant of our own: one server at a time adds up. */
const ADVISORY_LOCK = 4_218_097_318
/** Rows of the log at a time. */
const BATCH = 10_000

export type UsageCount = { readonly agent: number; readonly team: number; readonly workflow: number }

export type DayUsage = {
  /** `YYYY-MM-DD`, in UTC. */
  readonly day: string
  readonly runs: UsageCount
  readonly sessions: UsageCount
  /** Users with a session that began, or a run that came to rest. */
  readonly users: number
  readonly usage: Usage
  /** Runs by model, the most first. */
  readonly models: readonly { readonly provider: string; readonly model: string; readonly runs: number }[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type UsageQuery = {
  /** `YYYY-MM-DD`, both inclusive. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** Of one user only; '' is what belongs to nobody. */
  readonly userId?: string | undefined
}

/**
 * Adds up what has been counted since, unless another server is at it.
 * @param maxBatches so often at most, 10 000 rows each
 * @returns the days that have changed, `YYYY-MM-DD`
 */
export async function addUpUsage(db: Db, maxBatches: number): Promise<string[]> {
  const days = new Set<string>()
  for (let n = 0; n < maxBatches; n++) {
    const added = await addBatch(db)
    added.days.forEach((day) => days.add(day))
    if (added.rows < BATCH) break
  }
  return [...days].toSorted()
}

async function addBatch(db: Db): Promise<{ readonly rows: number; readonly days: readonly string[] }> {
  const { rows: found } = await sql<{ some: boolean }>`
    select exists (select from agentos_usage_log) as some`.execute(db)
  if (found[0]?.some !== true) return { rows: 0, days: [] }
  return db.transaction().execute(async (transaction) => {
    const { rows: locks } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(${ADVISORY_LOCK}::bigint) as mine`.execute(transaction)
    if (locks[0]?.mine !== true) return { rows: 0, days: [] }
    const { rows } = await sql<{ rows: number; days: string[] | null }>`
      with taken as (
        delete from agentos_usage_log
        where ctid = any (array(select ctid from agentos_usage_log limit ${BATCH}::integer))
        returning *
      ), batch as (
        select (at at time zone 'utc')::date as day, coalesce(user_id, '') as user_id, run_type,
          coalesce(provider, '') as provider, coalesce(model, '') as model, sum(sessions) as sessions,
          sum(runs) as runs, ${grown('inputTokens')} as input_tokens, ${grown('outputTokens')} as output_tokens,
          ${grown('totalTokens')} as total_tokens, ${grown('reasoningTokens')} as reasoning_tokens,
          ${grown('cacheReadTokens')} as cache_read_tokens, ${grown('cacheWriteTokens')} as cache_write_tokens
        from taken group by 1, 2, 3, 4, 5
      ), by_user as (
        insert into agentos_usage as u (day, user_id, run_type, provider, model, ${SUMS})
        select day, user_id, run_type, provider, model, ${SUMS} from batch
        on conflict (day, user_id, run_type, provider, model) do update set ${ADD}
      ), by_day as (
        insert into agentos_usage_days as u (day, run_type, provider, model, ${SUMS})
        select day, run_type, provider, model, ${SUMS_OF_ALL} from batch group by 1, 2, 3, 4
        on conflict (day, run_type, provider, model) do update set ${ADD}
      ), users as (
        insert into agentos_usage_users as u (day, users)
        select day, count(distinct user_id) filter (where user_id <> '' and not exists (
          select from agentos_usage known where known.day = batch.day and known.user_id = batch.user_id
        ))
        from batch group by day
        on conflict (day) do update set users = u.users + excluded.users
      )
      select (select count(*) from taken) as rows, (select jsonb_agg(distinct day::text) from batch) as days
      `.execute(transaction)
    const [added] = rows
    return { rows: added?.rows ?? 0, days: added?.days ?? [] }
  })
}

function grown(key: keyof Usage): RawBuilder<unknown> {
  return sql`sum(coalesce((usage_after ->> ${key}::text)::bigint, 0) - coalesce((usage_before ->> ${key}::text)::bigint, 0))`
}

const SUM_COLUMNS = [
  'sessions',
  'runs',
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'reasoning_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
]
const list = (items: readonly string[]) => sql.raw(items.join(', '))
const SUMS = list(SUM_COLUMNS)
const SUMS_OF_ALL = list(SUM_COLUMNS.map((column) => `sum(${column})`))
const ADD = list([...SUM_COLUMNS.map((column) => `${column} = u.${column} + excluded.${column}`), 'updated_at = now()'])

type DayRow = {
  day: string
  agent_runs: number
  team_runs: number
  workflow_runs: number
  agent_sessions: number
  team_sessions: number
  workflow_sessions: number
  users: number
  input_tokens: number
  output_tokens: number
  total_tokens: number
  reasoning_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
  models: { provider: string; model: string; runs: number }[] | null
  created_at: Date
  updated_at: Date
}

/** The days with any usage, oldest first. 2 ms for a year on PostgreSQL, however many users there are. */
export async function readUsage(db: Db, { from, to, userId }: UsageQuery = {}): Promise<DayUsage[]> {
  const table = userId === undefined ? 'agentos_usage_days' : 'agentos_usage'
  const users =
    userId === undefined
      ? sql`coalesce((select users from agentos_usage_users known where known.day = u.day), 0)`
      : sql`${userId === '' ? 0 : 1}::bigint`
  const sums = list(SUM_COLUMNS.slice(2).map((column) => `sum(${column})::bigint as ${column}`))
  const { rows } = await sql<DayRow>`
    with asked as (
      select * from ${sql.table(table)}
      where day >= ${from ?? '-infinity'}::date and day <= ${to ?? 'infinity'}::date
        and ${userId === undefined ? sql`true` : sql`user_id = ${userId}`}
    ), models as (
      select day, jsonb_agg(jsonb_build_object('provider', provider, 'model', model, 'runs', runs) order by runs desc, model)
        as models
      from (
        select day, provider, model, sum(runs)::bigint as runs from asked where model <> '' group by 1, 2, 3
      ) counted
      where runs > 0 group by day
    )
    select u.day, ${countOf('runs')}, ${countOf('sessions')}, ${sums}, ${users} as users,
      (select models.models from models where models.day = u.day) as models,
      min(created_at) as created_at, max(updated_at) as updated_at
    from asked u group by u.day order by u.day`.execute(db)
  return rows.map(readDay)
}

function countOf(column: 'runs' | 'sessions'): RawBuilder<unknown> {
  const counts = (['agent', 'team', 'workflow'] as const).map(
    (type) => `coalesce(sum(${column}) filter (where run_type = '${type}'), 0)::bigint as ${type}_${column}`,
  )
  return list(counts)
}

function readDay(row: DayRow): DayUsage {
  return {
    day: row.day,
    runs: { agent: row.agent_runs, team: row.team_runs, workflow: row.workflow_runs },
    sessions: { agent: row.agent_sessions, team: row.team_sessions, workflow: row.workflow_sessions },
    users: row.users,
    usage: {
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      totalTokens: row.total_tokens,
      reasoningTokens: row.reasoning_tokens,
      cacheReadTokens: row.cache_read_tokens,
      cacheWriteTokens: row.cache_write_tokens,
    },
    models: row.models ?? [],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** Forgets days past their age. @returns how many days that were */
export async function deleteOldUsage(db: Db, olderThanDays: number): Promise<number> {
  const isOld = sql`day < (now() at time zone 'utc')::date - ${olderThanDays}::integer`
  const { rows } = await sql<{ count: number }>`
    with by_user as (
      delete from agentos_usage where ${isOld}
    ), users as (
      delete from agentos_usage_users where ${isOld}
    ), days as (
      delete from agentos_usage_days where ${isOld} returning day
    )
    select count(distinct day) from days`.execute(db)
  return rows[0]?.count ?? 0
}
