import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../testing/database.ts'
import { insertRun } from '../testing/stored-rows.ts'
import { vacuumEmbedded } from './vacuum.ts'

test('the embedded database gets back the room of what was deleted', async () => {
  await using database = await openTestDatabase()
  const { db } = database
  const bytes = async () =>
    (await sql<{ bytes: number }>`select pg_relation_size('agentos_runs') as bytes`.execute(db)).rows[0]?.bytes
  for (let index = 0; index < 50; index++) await insertRun(db, { content: JSON.stringify('x'.repeat(1_500)) })
  expect(await bytes()).toBeGreaterThan(50_000)
  await db.deleteFrom('agentos_sessions').execute()
  await vacuumEmbedded(database)
  expect(await bytes()).toBe(0)
})
