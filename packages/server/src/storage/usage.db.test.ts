import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { NO_USAGE, type Usage } from '../base/usage.ts'
import { migrate } from './migrate.ts'
import { readMigrations } from './migration-files.ts'
import { requeueRun } from './runs/queue.ts'
import { adoptRun, finishRun, forkSession } from './runs/runs.ts'
import { createSession, deleteSessions } from './sessions/sessions.ts'
import type { Db } from './tables.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'
import { newJob, newRun, runEnd, storeRun } from './testing/new-run.ts'
import { addUpUsage, deleteOldUsage, readUsage } from './usage.ts'

let database: TestDatabase
let db: Db
let today: string
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(async () => {
  await sql`delete from agentos_sessions`.execute(db)
  await sql`truncate agentos_usage_log, agentos_usage, agentos_usage_days, agentos_usage_users`.execute(db)
  const { rows } = await sql<{ day: string }>`select (now() at time zone 'utc')::date::text as day`.execute(db)
  today = rows[0]?.day ?? ''
})

const tokens = (inputTokens: number): Usage => ({
  ...NO_USAGE,
  inputTokens,
  outputTokens: 1,
  totalTokens: inputTokens + 1,
})
const spent = (inputTokens: number) => ({
  usage: tokens(inputTokens),
  metrics: { usage: tokens(inputTokens), durationMs: 12 },
})

async function run(given: Parameters<typeof newRun>[0] = {}, inputTokens = 10): Promise<void> {
  const stored = newRun(given)
  await storeRun(db, stored)
  await finishRun(db, runEnd(stored, spent(inputTokens)))
}

async function usageOf(userId?: string) {
  await addUpUsage(db, 10)
  return readUsage(db, { userId })
}

test('counts runs, sessions, users, tokens and models of a day', async () => {
  await run({ userId: 'ada', sessionId: 'one' }, 10)
  await run({ userId: 'ada', sessionId: 'one' }, 20)
  await run({ userId: 'bob', model: { provider: 'openai', id: 'gpt' } }, 30)
  await run({}, 40)
  const days = await usageOf()
  expect(days).toEqual([
    {
      day: today,
      runs: { agent: 4, team: 0, workflow: 0 },
      sessions: { agent: 3, team: 0, workflow: 0 },
      users: 2,
      usage: { ...NO_USAGE, inputTokens: 100, outputTokens: 4, totalTokens: 104 },
      models: [
        { provider: 'demo', model: 'assistant', runs: 3 },
        { provider: 'openai', model: 'gpt', runs: 1 },
      ],
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
    },
  ])
  expect(await usageOf('ada')).toMatchObject([{ runs: { agent: 2 }, sessions: { agent: 1 }, users: 1 }])
  expect(await usageOf('')).toMatchObject([{ runs: { agent: 1 }, users: 0 }])
  expect(await usageOf('nobody')).toEqual([])
})

test('counts a user once a day, however often and in however many parts it is added up', async () => {
  for (const userId of ['ada', 'bob', 'ada', 'ada']) {
    await run({ userId })
    await addUpUsage(db, 1)
  }
  await createSession(db, { sessionId: 'empty', sessionType: 'workflow', userId: 'cyd' })
  expect(await usageOf()).toMatchObject([{ users: 3, runs: { agent: 4 }, sessions: { agent: 4, workflow: 1 } }])
})

test('counts a run once, and what it used once, through pauses and other tries', async () => {
  const job = newJob()
  await storeRun(db, job)
  const end = async (status: 'PAUSED' | 'ERROR' | 'COMPLETED', inputTokens: number) => {
    const claimed = await adoptRun(db, job.runId, { owner: 'replica-1', leaseMs: 30_000 })
    const held = { ...job, leaseOwner: 'replica-1', attempt: claimed?.run.attempt ?? 0 }
    expect((await finishRun(db, runEnd(held, { status, ...spent(inputTokens) }))).finished).toBe(true)
  }
  await end('PAUSED', 10)
  expect(await usageOf()).toMatchObject([{ runs: { agent: 1 }, usage: { inputTokens: 10, outputTokens: 1 } }])
  await end('ERROR', 25)
  expect(await requeueRun(db, job.runId)).toBeDefined()
  await end('COMPLETED', 40)
  expect(await usageOf()).toMatchObject([{ runs: { agent: 1 }, usage: { inputTokens: 40, outputTokens: 1 } }])
})

test('counts a copied session, and not its runs', async () => {
  await run({ sessionId: 'source', userId: 'ada' })
  await forkSession(db, { sessionId: 'source', newSessionId: 'copy', userId: null, newId: () => 'copied-run' })
  expect(await usageOf()).toMatchObject([{ runs: { agent: 1 }, sessions: { agent: 2 }, usage: { inputTokens: 10 } }])
})

test('stays when sessions are deleted', async () => {
  await run({ sessionId: 'gone' })
  const before = await usageOf()
  await deleteSessions(db, ['gone'])
  expect(await usageOf()).toEqual(before)
})

test('adds everything up once, with many at it while runs end', async () => {
  await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      await run({ userId: `user-${n % 7}` }, 1)
      await addUpUsage(db, 3)
    }),
  )
  expect(await usageOf()).toMatchObject([
    { runs: { agent: 40 }, sessions: { agent: 40 }, users: 7, usage: { inputTokens: 40 } },
  ])
})

test('reads the days that are asked for, by UTC', async () => {
  await sql`
    insert into agentos_usage_log (at, run_type, sessions, runs)
    values ('2026-03-01T23:30:00-01:00', 'agent', 1, 0), ('2026-03-04T00:00:00Z', 'team', 1, 0)`.execute(db)
  await addUpUsage(db, 1)
  const daysOf = async (query: Parameters<typeof readUsage>[1]) => (await readUsage(db, query)).map(({ day }) => day)
  expect(await daysOf({})).toEqual(['2026-03-02', '2026-03-04'])
  expect(await daysOf({ from: '2026-03-03' })).toEqual(['2026-03-04'])
  expect(await daysOf({ to: '2026-03-02' })).toEqual(['2026-03-02'])
  expect(await daysOf({ from: '2026-03-05', to: '2026-03-01' })).toEqual([])
})

test('forgets days past their age', async () => {
  await sql`
    insert into agentos_usage_log (at, user_id, run_type, sessions, runs)
    select now() - days * interval '1 day', 'ada', 'agent', 1, 0 from unnest(array[0, 9, 11]) as days`.execute(db)
  await addUpUsage(db, 1)
  expect(await deleteOldUsage(db, 10)).toBe(1)
  expect(await readUsage(db)).toHaveLength(2)
  expect(await readUsage(db, { userId: 'ada' })).toHaveLength(2)
})

describe('the migration', () => {
  test('counts what was there before, without copies', async () => {
    await using fresh = await openTestDatabase({ migrated: false })
    const all = await readMigrations()
    await migrate(
      fresh,
      all.filter(({ version }) => version < 8),
    )
    const runs = [newRun({ sessionId: 'old', userId: 'ada' }), newRun({ sessionId: 'old', userId: 'ada' })]
    for (const stored of runs) {
      await storeRun(fresh.db, stored)
      await finishRun(fresh.db, runEnd(stored, spent(10)))
    }
    await storeRun(fresh.db, newRun({ sessionId: 'running' }))
    const newId = () => `copy-${Math.random()}`
    await forkSession(fresh.db, { sessionId: 'old', newSessionId: 'copy', userId: null, newId })
    await migrate(fresh, all)
    await addUpUsage(fresh.db, 1)
    expect(await readUsage(fresh.db)).toMatchObject([
      { runs: { agent: 2 }, sessions: { agent: 3 }, users: 1, usage: { inputTokens: 20 } },
    ])
  })
})
