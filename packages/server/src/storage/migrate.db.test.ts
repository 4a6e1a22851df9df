import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { openDatabase } from './database.ts'
import { migrate, readMigrations, type Migration } from './migrate.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase({ migrated: false })
})
afterAll(() => database?.close())

const fake = (version: number, text: string): Migration => ({
  version,
  name: `${version}_fake.sql`,
  text,
  checksum: text,
})

async function tables(): Promise<string[]> {
  const { rows } = await sql<{ tablename: string }>`
    select tablename from pg_tables where schemaname = 'public' order by 1`.execute(database.db)
  return rows.map(({ tablename }) => tablename)
}

test('twenty servers that start at once make the schema once', async () => {
  // The embedded engine can be opened once; there twenty callers stand in for them.
  const { options } = database
  const open = () =>
    options.kind === 'postgres' ? openDatabase(options, { clock: systemClock }) : Promise.resolve(database)
  const servers = await Promise.all(Array.from({ length: 20 }, open))
  const results = await Promise.all(servers.map((server) => migrate(server)))
  for (const server of servers) if (server !== database) await server.close()
  const known = (await readMigrations()).map(({ version }) => version)
  expect(results.flatMap(({ applied }) => applied)).toEqual(known)
  expect(await migrate(database)).toEqual({ applied: [] })
  const names = await tables()
  expect(names).toContain('agentos_runs')
  expect(names.filter((name) => !name.startsWith('agentos_'))).toEqual([])
})

test('a migration that fails leaves nothing behind', async () => {
  const known = await readMigrations()
  const next = known.length + 1
  const broken = [...known, fake(next, 'create table agentos_half (a int)'), fake(next + 1, 'select nonsense')]
  await expect(migrate(database, broken)).rejects.toMatchObject({ code: '42703' })
  expect(await tables()).not.toContain('agentos_half')
  expect(await migrate(database)).toEqual({ applied: [] })
})

test('a schema that this release does not know is refused', async () => {
  const known = await readMigrations()
  await migrate(database, [
    ...known,
    fake(900, 'create table agentos_future (a int); create table agentos_future2 (a int)'),
  ])
  expect(await tables()).toContain('agentos_future2')
  await expect(migrate(database)).rejects.toMatchObject({
    code: 'SCHEMA_NEWER',
    message: `The database holds migration 900 (900_fake.sql) and this release knows migrations up to ${known.length}.`,
  })
  await database.db.deleteFrom('agentos_migrations').where('version', '=', 900).execute()
})

test('a migration whose text has changed since is refused', async () => {
  const [first, ...others] = await readMigrations()
  const changed = [{ ...first!, checksum: 'another' }, ...others]
  await expect(migrate(database, changed)).rejects.toMatchObject({
    code: 'SCHEMA_CHANGED',
    message: expect.stringContaining(first!.name),
  })
})
