import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { loadConfig } from '../../config/load.ts'
import { migrate } from '../../storage/migrate.ts'
import { heartbeat } from '../../storage/replicas.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { insertRun } from '../../storage/testing/stored-rows.ts'
import { examineOpened } from './examine.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase({ migrated: false })
})
afterAll(() => database?.close())

const look = () => examineOpened(database, loadConfig({}), systemClock)

test('without tables, or with those of an older release, only the database itself is looked at', async () => {
  const seen = await look()
  expect(seen.state.schema.applied).toBeNull()
  expect(seen.state.schema.known).toBeGreaterThanOrEqual(2)
  expect(seen.state.version).toMatch(/^\d+\.\d+/)
  expect(seen.state.connections.max).toBeGreaterThan(0)
  expect(seen.latencyMs).toBeGreaterThan(0)
  expect(seen.state.role).toMatchObject({ name: expect.any(String), mayCreate: true, withoutRights: [], notOwned: [] })
  expect(seen.state.vector).toHaveProperty('available')
  expect(seen).toMatchObject({ storage: null, queue: null, replicas: null, expiredLeases: null })

  await migrate(database)
  const newer = await database.db.deleteFrom('agentos_migrations').where('version', '>', 1).returningAll().execute()
  expect(await look()).toMatchObject({ state: { schema: { applied: 1 } }, queue: null })
  await database.db.insertInto('agentos_migrations').values(newer).execute()
})

test('tells what is stored, what waits, who lives, and which runs nobody advances', async () => {
  const { db } = database
  await insertRun(db, { status: 'PENDING', background: true })
  const ranOut = { status: 'RUNNING' as const, lease_until: new Date(Date.now() - 3_600_000) }
  const lost = await insertRun(db, ranOut)
  await heartbeat(db, { replicaId: 'alive', revision: 'abc', takesRuns: true })
  await heartbeat(db, { replicaId: 'gone', revision: null, takesRuns: true })
  const longAgo = new Date(Date.now() - 3_600_000)
  await db.updateTable('agentos_replicas').set({ heartbeat_at: longAgo }).where('replica_id', '=', 'gone').execute()

  const seen = await look()
  expect(seen.state.schema.applied).toBe(seen.state.schema.known)
  expect(seen.queue?.counts).toMatchObject({ PENDING: 1 })
  expect(seen.expiredLeases).toMatchObject([{ runId: lost, componentId: 'assistant' }])
  expect(seen.replicas?.map(({ replicaId, isAlive }) => [replicaId, isAlive])).toEqual([
    ['alive', true],
    ['gone', false],
  ])
  expect(seen.storage?.tables.find(({ name }) => name === 'agentos_runs')?.rows).toBe(2)
})
