import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { insertRun } from '../../storage/testing/stored-rows.ts'
import { storeRun } from '../testing/stored-run.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let database: TestDatabase
let server: TestApp
let baseUrl: string

beforeAll(async () => {
  database = await openTestDatabase()
  server = await createTestApp({ database })
  baseUrl = await server.listen()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const client = () => createClient({ baseUrl }).privacy
async function collect(userId: string) {
  const lines = []
  for await (const line of client().export(userId)) lines.push(line)
  return lines
}

test('an export is lines of JSON, from whose it is to how many there were', async () => {
  const userId = 'ann/ü?'
  for (const number of [1, 2, 3]) {
    await storeRun(database.db, { runId: `e${number}`, sessionId: `e${number}`, userId, input: `Secret ${number}` })
  }
  const [first, ...rest] = await collect(userId)
  const last = rest.pop()
  expect(first).toMatchObject({ user_id: userId, exported_at: expect.stringMatching(/Z$/) })
  expect(last).toEqual({ complete: true, rows: rest.length })
  expect(JSON.stringify(rest)).toContain('Secret 3')
  const answer = await server.app.inject(`/admin/users/${encodeURIComponent(userId)}/export`)
  expect(answer.headers['content-type']).toBe('application/x-ndjson')
})

test('of a user who is not known, nothing is held', async () => {
  expect(await collect('nobody')).toEqual([
    { user_id: 'nobody', exported_at: expect.any(String) },
    { complete: true, rows: 0 },
  ])
  expect(await client().erase('nobody')).toEqual({ user_id: 'nobody', erased: {} })
})

test('an erasure says what it took, and leaves nothing to export', async () => {
  await storeRun(database.db, { runId: 'g1', sessionId: 'g1', userId: 'gus', input: 'Hello' })
  const { erased } = await client().erase('gus')
  expect(erased).toMatchObject({ agentos_sessions: 1, agentos_runs: 1 })
  expect((await collect('gus')).at(-1)).toEqual({ complete: true, rows: 0 })
  expect((await server.app.inject('/sessions/g1')).statusCode).toBe(404)
})

test('runs of the user that wait or run keep an erasure from beginning', async () => {
  await storeRun(database.db, { runId: 'h1', sessionId: 'h1', userId: 'hal', input: 'Hello' })
  await insertRun(database.db, { run_id: 'h2', session_id: 'h1', user_id: 'hal', status: 'RUNNING' })
  const answer = await server.app.inject({ method: 'DELETE', url: '/admin/users/hal' })
  expect(answer.statusCode).toBe(409)
  expect(answer.json()).toMatchObject({ error_id: 'USER_BUSY', detail: 'Runs of user "hal" wait or run: h2' })
  expect((await server.app.inject('/sessions/h1')).statusCode).toBe(200)
})
