import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createRedact } from '../base/redact.ts'
import { insertSpans } from '../storage/traces/spans.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { countContents, storeUnused } from '../storage/testing/media.ts'
import { newTrace } from '../storage/testing/new-span.ts'
import { createEventPartition, insertRun } from '../storage/testing/stored-rows.ts'
import { createLog } from '../telemetry/log.ts'
import { startHousekeeping, type Retention } from './housekeeping.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())
beforeEach(async () => {
  await database.db.deleteFrom('agentos_sessions').execute()
})

const FAST = { firstMs: 0, everyMs: 3_600_000, batch: 2, pauseMs: 1 }
/** The embedded engine is slow on a busy machine. */
const WAIT = { timeout: 10_000 }
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000)

async function count(table: 'agentos_runs' | 'agentos_sessions') {
  return (await database.db.selectFrom(table).selectAll().execute()).length
}

function start(retention: Retention, pacing = FAST) {
  const lines: { message?: string }[] = []
  const write = (line: string) => void lines.push(JSON.parse(line) as { message?: string })
  const log = createLog({ level: 'debug', format: 'json', redact: createRedact([]), write })
  const housekeeping = startHousekeeping(database, retention, log, pacing)
  return { lines, [Symbol.asyncDispose]: housekeeping.close }
}

async function insertOldRuns(days: number, howMany: number): Promise<void> {
  for (let index = 0; index < howMany; index++) {
    await insertRun(database.db, { session_id: `${days}-${index}`, finished_at: daysAgo(days) })
  }
  await database.db
    .updateTable('agentos_sessions')
    .set({ created_at: daysAgo(90), updated_at: daysAgo(days) })
    .execute()
}

test('deletes what is past its age, batch after batch, and says so', async () => {
  await insertOldRuns(31, 5)
  await insertRun(database.db, { finished_at: daysAgo(2) })
  await using housekeeping = start({ eventDays: 7, runDays: 30, traceDays: 30, scheduleDays: 30, usageDays: 1095 })
  await expect.poll(() => count('agentos_sessions'), WAIT).toBe(1)
  expect(await count('agentos_runs')).toBe(1)
  await expect
    .poll(() => housekeeping.lines, WAIT)
    .toContainEqual(expect.objectContaining({ message: 'deleted old runs', runs: 5, sessions: 5, older_than_days: 30 }))
})

test('deletes what was attached to runs that are gone, and leaves what somebody has only just brought', async () => {
  for (const content of ['one', 'two', 'three']) await storeUnused(database.db, content, 61)
  await storeUnused(database.db, 'just brought', 59)
  await using housekeeping = start({ eventDays: 7, runDays: 30, traceDays: 30, scheduleDays: 30, usageDays: 1095 })
  await expect
    .poll(() => housekeeping.lines, WAIT)
    .toContainEqual(
      expect.objectContaining({ message: 'deleted what was attached to runs that are gone', contents: 3 }),
    )
  expect(await countContents(database.db)).toBe(1)
})

test('drops events on their own schedule, and keeps runs for ever when told so', async () => {
  await insertOldRuns(400, 1)
  await createEventPartition(database.db, '2020-01-01', '2020-01-02')
  await using housekeeping = start({ eventDays: 7, runDays: 0, traceDays: 30, scheduleDays: 30, usageDays: 1095 })
  await expect.poll(() => housekeeping.lines.map(({ message }) => message), WAIT).toContain('dropped old events')
  expect(await count('agentos_runs')).toBe(1)
})

test('deletes traces of their own age, with their spans', async () => {
  const left = async () => {
    const spans = await database.db.selectFrom('agentos_spans').select('trace_id').distinct().execute()
    const traces = await database.db.selectFrom('agentos_traces').select('trace_id').execute()
    return [spans, traces].map((rows) => rows.map(({ trace_id: traceId }) => traceId))
  }
  for (const days of [9, 10, 11]) await insertSpans(database.db, newTrace({ startMs: daysAgo(days).getTime() }))
  const young = newTrace({ startMs: daysAgo(6).getTime() })
  await insertSpans(database.db, young)
  await using housekeeping = start({ eventDays: 7, runDays: 0, traceDays: 7, scheduleDays: 30, usageDays: 1095 })
  const id = young[0]?.traceId
  await expect.poll(left, WAIT).toEqual([[id], [id]])
  await expect
    .poll(() => housekeeping.lines, WAIT)
    .toContainEqual(expect.objectContaining({ message: 'deleted old traces', traces: 3 }))
})

test('closing ends the wait for the next round, and the deleting between two batches', async () => {
  await insertOldRuns(31, 5)
  const started = performance.now()
  {
    await using housekeeping = start(
      { eventDays: 7, runDays: 30, traceDays: 30, scheduleDays: 30, usageDays: 1095 },
      { ...FAST, pauseMs: 60_000 },
    )
    await expect.poll(() => count('agentos_runs'), WAIT).toBe(3)
    expect(housekeeping.lines).toEqual([])
  }
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(await count('agentos_runs')).toBe(3)
  await using idle = start(
    { eventDays: 7, runDays: 30, traceDays: 30, scheduleDays: 30, usageDays: 1095 },
    { ...FAST, firstMs: 60_000 },
  )
  expect(idle.lines).toEqual([])
})

test('goes on after a failure', async () => {
  await database.db.schema.alterTable('agentos_runs').renameTo('agentos_hidden').execute()
  await using housekeeping = start(
    { eventDays: 7, runDays: 30, traceDays: 30, scheduleDays: 30, usageDays: 1095 },
    { ...FAST, everyMs: 50 },
  )
  await expect.poll(() => housekeeping.lines.map(({ message }) => message), WAIT).toContain('housekeeping failed')
  await database.db.schema.alterTable('agentos_hidden').renameTo('agentos_runs').execute()
  await insertOldRuns(31, 1)
  await expect.poll(() => count('agentos_runs'), WAIT).toBe(0)
})
