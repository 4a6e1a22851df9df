import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { heartbeat, listReplicas, removeReplica, requestReload } from './replicas.ts'
import type { Db } from './tables.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

const ids = async () => (await listReplicas(db, { aliveWithinMs: 10_000 })).map(({ replicaId }) => replicaId)

test('a replica is listed while its heart beats, with the revision it serves now and whether it takes up runs', async () => {
  await heartbeat(db, { replicaId: 'a', revision: 'one', takesRuns: true })
  await heartbeat(db, { replicaId: 'b', revision: null, takesRuns: true })
  await heartbeat(db, { replicaId: 'a', revision: 'two', takesRuns: false })
  const replicas = await listReplicas(db, { aliveWithinMs: 10_000 })
  expect(replicas).toMatchObject([
    { replicaId: 'a', revision: 'two', takesRuns: false },
    { replicaId: 'b', revision: null, takesRuns: true },
  ])
  expect(replicas[0]!.heartbeatAt.getTime()).toBeGreaterThan(replicas[0]!.startedAt.getTime())
  await sql`update agentos_replicas set heartbeat_at = now() - interval '1 minute' where replica_id = 'b'`.execute(db)
  expect(await ids()).toEqual(['a'])
  const [, silent] = await listReplicas(db, { aliveWithinMs: 3_600_000 })
  expect(silent?.heartbeatAgeMs).toBeGreaterThanOrEqual(60_000)
  expect(silent?.heartbeatAgeMs).toBeLessThan(90_000)
  await removeReplica(db, 'a')
  await removeReplica(db, 'never there')
  expect(await ids()).toEqual([])
})

test('a replica that has been silent for a day is forgotten when another one speaks', async () => {
  await heartbeat(db, { replicaId: 'killed', revision: null, takesRuns: true })
  await heartbeat(db, { replicaId: 'living', revision: null, takesRuns: true })
  await sql`update agentos_replicas set heartbeat_at = now() - interval '25 hours'`.execute(db)
  await heartbeat(db, { replicaId: 'living', revision: null, takesRuns: true })
  const known = await db.selectFrom('agentos_replicas').select('replica_id').execute()
  expect(known).toEqual([{ replica_id: 'living' }])
})

test('every requested reload raises the version that all heartbeats see', async () => {
  const { reloadVersion: before } = await heartbeat(db, { replicaId: 'a', revision: null, takesRuns: true })
  const versions = await Promise.all(Array.from({ length: 5 }, () => requestReload(db)))
  expect(Math.max(...versions)).toBe(before + 5)
  expect(await heartbeat(db, { replicaId: 'a', revision: null, takesRuns: true })).toEqual({
    reloadVersion: before + 5,
  })
})
