import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deleteOldRuns, deleteOldSessions, deleteOldTraces } from './retention.ts'
import { findRun } from '../runs/runs.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun, userMessage } from '../testing/new-run.ts'
import { insertApproval, insertMessages, insertRun } from '../testing/stored-rows.ts'
import { createRun } from '../runs/create-run.ts'
import { insertSpans } from '../traces/spans.ts'
import { newSpan, newTrace } from '../testing/new-span.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(async () => {
  await db.deleteFrom('agentos_sessions').execute()
  await db.deleteFrom('agentos_run_events').execute()
})

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000)
const ended = (days: number, given: object = {}) =>
  insertRun(db, { finished_at: daysAgo(days), created_at: daysAgo(days), ...given })
const month = { olderThanDays: 30, batch: 500 }

async function count(table: 'agentos_runs' | 'agentos_messages' | 'agentos_run_events' | 'agentos_approvals') {
  const { rows } = await sql<{ count: number }>`select count(*) from ${sql.table(table)}`.execute(db)
  return rows[0]?.count
}

async function insertSession(sessionId: string, created: number, updated: number): Promise<void> {
  const times = { created_at: daysAgo(created), updated_at: daysAgo(updated) }
  await db
    .insertInto('agentos_sessions')
    .values({ session_id: sessionId, session_type: 'agent', session_state: '{}', ...times })
    .execute()
}

const sessions = async () =>
  (await db.selectFrom('agentos_sessions').select('session_id').orderBy('session_id').execute()).map(
    (row) => row.session_id,
  )

describe('old runs', () => {
  test('go with all that belongs to them; what is younger stays', async () => {
    const old = await ended(31)
    const child = await ended(31, { parent_run_id: old })
    const grandchild = await ended(2, { parent_run_id: child })
    const young = await ended(29)
    for (const runId of [old, grandchild, young]) {
      await insertMessages(db, runId, [userMessage('Hi')])
      await insertApproval(db, { run_id: runId })
      await sql`
        insert into agentos_run_events values (now()::date, ${runId}, 0, 0, '{}')`.execute(db)
    }
    expect(await deleteOldRuns(db, month)).toBe(1)
    expect(await findRun(db, young)).toBeDefined()
    expect(await count('agentos_runs')).toBe(1)
    expect(await count('agentos_messages')).toBe(1)
    expect(await count('agentos_approvals')).toBe(1)
    expect(await count('agentos_run_events')).toBe(1)
    expect(await deleteOldRuns(db, month)).toBe(0)
  })

  test('are those that ended, however', async () => {
    for (const status of ['COMPLETED', 'ERROR', 'CANCELLED', 'REGENERATED'] as const) await ended(31, { status })
    for (const status of ['PENDING', 'RUNNING', 'PAUSED'] as const) await ended(31, { status })
    await insertRun(db, { status: 'PAUSED', created_at: daysAgo(400) })
    expect(await deleteOldRuns(db, month)).toBe(4)
    expect(await count('agentos_runs')).toBe(4)
  })

  test('go in batches, the oldest first', async () => {
    const runs = [await ended(33), await ended(35), await ended(34)]
    expect(await deleteOldRuns(db, { olderThanDays: 30, batch: 2 })).toBe(2)
    const left = await Promise.all(runs.map((runId) => findRun(db, runId)))
    expect(left.map((run) => run !== undefined)).toEqual([true, false, false])
    expect(await deleteOldRuns(db, { olderThanDays: 30, batch: 2 })).toBe(1)
  })

  test('leave their session where it is', async () => {
    await ended(31, { session_id: 's' })
    await deleteOldRuns(db, month)
    expect(await sessions()).toEqual(['s'])
  })
})

describe('old sessions', () => {
  test('go when no run is left and nobody touched them since', async () => {
    await insertSession('empty', 31, 31)
    await insertSession('renamed lately', 31, 2)
    await insertSession('new', 2, 2)
    await insertSession('has a run', 31, 31)
    await ended(31, { session_id: 'has a run' })
    expect(await deleteOldSessions(db, month)).toBe(1)
    expect(await sessions()).toEqual(['has a run', 'new', 'renamed lately'])
    await deleteOldRuns(db, month)
    expect(await deleteOldSessions(db, month)).toBe(1)
    expect(await sessions()).toEqual(['new', 'renamed lately'])
  })

  test('go in batches', async () => {
    for (const id of ['a', 'b', 'c']) await insertSession(id, 31, 31)
    expect(await deleteOldSessions(db, { olderThanDays: 30, batch: 2 })).toBe(2)
    expect(await deleteOldSessions(db, { olderThanDays: 30, batch: 2 })).toBe(1)
  })

  test('lose no run that is created while they are deleted', async () => {
    for (let index = 0; index < 20; index++) await insertSession(`s${index}`, 31, 31)
    const [, ...created] = await Promise.all([
      deleteOldSessions(db, month),
      ...Array.from({ length: 20 }, (_, index) => createRun(db, newRun({ sessionId: `s${index}` }))),
    ])
    expect(created).toHaveLength(20)
    expect(await count('agentos_runs')).toBe(20)
    expect(await sessions()).toHaveLength(20)
  })
})

describe('old traces', () => {
  const names = async () =>
    (await db.selectFrom('agentos_traces').select('name').orderBy('name').execute()).map(({ name }) => name)

  test('go by their end, the oldest first, in batches', async () => {
    const ages: [string, number][] = [
      ['33 days', 33],
      ['35 days', 35],
      ['29 days', 29],
    ]
    for (const [name, days] of ages) await insertSpans(db, newTrace({ name, startMs: daysAgo(days).getTime() }))
    await insertSpans(db, [newSpan({ name: 'went on', startMs: daysAgo(40).getTime(), endMs: daysAgo(1).getTime() })])
    expect(await deleteOldTraces(db, { olderThanDays: 30, batch: 1 })).toBe(1)
    expect(await names()).toEqual(['29 days', '33 days', 'went on'])
    expect(await deleteOldTraces(db, month)).toBe(1)
    expect(await deleteOldTraces(db, month)).toBe(0)
    expect(await names()).toEqual(['29 days', 'went on'])
  })
})
