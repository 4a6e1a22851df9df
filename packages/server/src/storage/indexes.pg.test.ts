import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimRuns } from './runs/claim-runs.ts'
import { loadEarlierMessages } from './runs/load-history.ts'
import { appendEvents, prepareEventPartitions, readEvents, tailEvents } from './runs/run-events.ts'
import { adoptRun, continueRun, createRun, finishRun, forkRun, releaseRuns, renewLeases } from './runs/runs.ts'
import type { Db } from './tables.ts'
import { continuation, fork } from './testing/continuation.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'
import { newJob, newRun, runEnd } from './testing/new-run.ts'
import { readsOf } from './testing/reads.ts'
import { newRequirement } from './testing/requirement.ts'

const ENDED = 10_000
const WAITING = 1_000
const RUNNING = 100

/** Ten thousand runs that have ended, a thousand that wait, one hundred that run, and their events. */
async function fill(db: Db, sessions: number): Promise<void> {
  await prepareEventPartitions(db)
  await sql`
    insert into agentos_sessions (session_id, session_type, component_id)
    select 's' || i, 'agent', 'assistant' from generate_series(0, 1999) i`.execute(db)
  const columns = sql`run_id, session_id, run_type, component_id, status, streamed, input, background, created_at`
  await sql`
    insert into agentos_runs (${columns}, finished_at)
    select 'e' || i, 's' || i % 2000, 'agent', 'assistant', 'COMPLETED', true, 'x', i % 2 = 0,
      now() - interval '2 days' + i * interval '1 second', now()
    from generate_series(1, ${ENDED}::integer) i`.execute(db)
  await sql`
    insert into agentos_runs (${columns}, priority)
    select 'w' || i, 's' || i % ${sessions}::integer, 'agent', 'assistant', 'PENDING', true, 'x', true,
      now() - interval '1 hour' + i * interval '1 second', i % 3
    from generate_series(1, ${WAITING}::integer) i`.execute(db)
  await sql`
    insert into agentos_runs (${columns}, lease_owner, lease_until, attempt)
    select 'r' || i, 's' || i, 'agent', 'assistant', 'RUNNING', true, 'x', false, now(), 'replica-1',
      now() + interval '1 hour', 1
    from generate_series(1, ${RUNNING}::integer) i`.execute(db)
  await sql`
    insert into agentos_run_events
    select (now() at time zone 'utc')::date, 'r' || i % 100 + 1, i, i, '{}' from generate_series(1, 20000) i`.execute(
    db,
  )
  await sql`
    insert into agentos_messages (run_id, seq, message)
    select 'e' || i, seq, '{"role": "user", "content": "hi"}'
    from generate_series(1, 5000) i, generate_series(0, 3) seq`.execute(db)
  await sql`analyze`.execute(db)
}

/** Partitions of days to come are empty, and may be read in any way. */
const TABLES = sql`relname in (
  'agentos_runs', 'agentos_messages', 'agentos_run_events_' || to_char(now() at time zone 'utc', 'YYYYMMDD')
)`

const claim = (db: Db) =>
  claimRuns(db, {
    owner: 'replica-2',
    leaseMs: 30_000,
    limit: 10,
    backgroundLimit: 10,
    components: [{ type: 'agent', id: 'assistant' }],
    held: [],
    lost: true,
    revision: 'def',
  })

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
  await fill(database.db, 1000)
})
afterAll(() => database?.close())

const fence = { owner: 'replica-1', attempt: 1 }
const run = newRun({ runId: 'r7' })
const requirements = [newRequirement({ approval: 'required', approvalId: 'a' })]
const held = Array.from({ length: 50 }, (_, index) => `r${index + 1}`)
const cursors = held.map((runId) => ({ runId, afterIndex: 19_900, chunkFirst: 19_700 }))

test.each<[string, number, (db: Db) => Promise<unknown>]>([
  ['a claim of the queue', 1.5 * WAITING + 3 * RUNNING, claim],
  ['a new background run', WAITING + 10, (db) => createRun(db, newJob({ sessionId: 's7', maxQueueDepth: 2000 }))],
  ['a new run with a key', 10, (db) => createRun(db, newRun({ idempotency: { key: 'k', requestHash: 'h' } }))],
  ['an adoption', 10, (db) => adoptRun(db, 'w7', { owner: 'replica-1', leaseMs: 1 })],
  ['a release', 4 * RUNNING, (db) => releaseRuns(db, 'replica-1', held, { lost: false })],
  ['a renewal', 4 * RUNNING, (db) => renewLeases(db, 'replica-1', held, 30_000)],
  ['a pause', 20, (db) => finishRun(db, runEnd(run, { status: 'PAUSED', requirements }))],
  [
    'an end after a failure',
    30,
    (db) =>
      finishRun(db, runEnd(run, { status: 'ERROR' })).then(() =>
        continueRun(db, continuation('r7', { from: 'ERROR', owner: null, keepMessages: 3 })),
      ),
  ],
  ['a fork', 30, (db) => forkRun(db, fork('e7', { messageIndex: 2, replaceOriginal: true }))],
  ['the history of a run', 60, (db) => loadEarlierMessages(db, 'e9007', 3)],
  [
    'a flush of events',
    2 * RUNNING,
    (db) =>
      appendEvents(
        db,
        'replica-1',
        held.map((runId) => ({ ...fence, runId, firstIndex: 90_000, lastIndex: 90_000, events: '{}' })),
      ),
  ],
  ['a tail of fifty runs', 5 * held.length, (db) => tailEvents(db, cursors)],
  ['a replay', 250, (db) => readEvents(db, 'r7', 19_000)],
])('%s reads no table as a whole', async (_, mostRows, work) => {
  const { wholeTables, rows } = await readsOf(database.db, TABLES, work)
  expect(wholeTables).toBe(0)
  expect(rows).toBeLessThanOrEqual(mostRows)
})

test('a claim of a queue that is all of one session reads it once', async () => {
  await using other = await openTestDatabase()
  await fill(other.db, 1)
  const { wholeTables, rows } = await readsOf(other.db, TABLES, async (db) => expect(await claim(db)).toHaveLength(1))
  expect(wholeTables).toBe(0)
  expect(rows).toBeLessThanOrEqual(1.5 * WAITING + 3 * RUNNING)
})
