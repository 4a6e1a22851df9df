import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRun, finishRun } from '../runs/runs.ts'
import { deleteSessions } from './sessions.ts'
import { insertSpans, prepareSpanPartitions } from '../traces/spans.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun, runEnd } from '../testing/new-run.ts'
import { newTrace } from '../testing/new-span.ts'
import { findTrace } from '../traces/traces.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a session whose run ends at the same moment is deleted with its traces, and the database lives', async () => {
  await prepareSpanPartitions(db)
  const run = newRun()
  await createRun(db, run)
  const trace = newTrace({ run: { runId: run.runId, sessionId: run.sessionId, userId: null, agentId: 'assistant' } })
  await insertSpans(db, trace)
  let deleted: Promise<number> | undefined
  await db.transaction().execute(async (transaction) => {
    await finishRun(transaction, runEnd(run))
    deleted = db.transaction().execute(async (deleting) => {
      // The plan of a database with very many spans.
      for (const way of ['hashjoin', 'mergejoin', 'seqscan', 'bitmapscan']) {
        await sql`set local ${sql.ref(`enable_${way}`)} = off`.execute(deleting)
      }
      // Waits for the run, and finds it changed.
      return deleteSessions(deleting, [run.sessionId])
    })
    await pause(100)
  })
  expect(await deleted).toBe(1)
  expect(await findTrace(db, trace[0]!.traceId)).toBeUndefined()
  const left = await db
    .selectFrom('agentos_spans')
    .select('span_id')
    .where('trace_id', '=', trace[0]!.traceId)
    .execute()
  expect(left).toEqual([])
})
