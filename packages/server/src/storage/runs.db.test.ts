import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRun } from './runs.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

test('smoke', async () => {
  const r = await createRun(database.db, {
    runId: 'r1',
    sessionId: 's1',
    runType: 'agent',
    componentId: 'a',
    userId: null,
    input: 'hi',
    options: {},
    streamed: true,
    status: 'RUNNING',
    leaseOwner: 'me',
    leaseMs: 5000,
    attempt: 1,
    revision: null,
    model: null,
    initialSessionState: { a: 1 },
    defaultName: 'hi',
  })
  expect(r.sessionState).toEqual({ a: 1 })
})
