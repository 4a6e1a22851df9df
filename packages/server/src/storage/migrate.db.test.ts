import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { readMigrations, type Migration } from './migration-files.ts'
import { findOlderKnowledge } from './knowledge/store.ts'
import { findOlderSchema } from './schema-check.ts'
import { readDatabaseState } from './server-state.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase({ migrated: false })
})
afterAll(() => database?.close())

const fake = (version: number, text: string, additive = false): Migration => ({
  version,
  additive,
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

describe('a schema that is newer than this release', () => {
  afterEach(() => database.db.deleteFrom('agentos_migrations').where('version', '>=', 900).execute())

  test('is refused when a migration in it is not additive', async () => {
    const known = await readMigrations()
    const newer = [
      ...known,
      fake(900, 'create table agentos_future (a int); create table agentos_future2 (a int)'),
      fake(901, 'select 1', true),
    ]
    await migrate(database, newer)
    expect(await tables()).toContain('agentos_future2')
    const refusal = {
      code: 'SCHEMA_NEWER',
      message: `The database holds migration 900 (900_fake.sql), which is not additive, and this release knows migrations up to ${known.length}.`,
    }
    await expect(migrate(database)).rejects.toMatchObject(refusal)
    await expect(findOlderSchema(database.maintenance)).rejects.toMatchObject(refusal)
    expect(await readDatabaseState(database.db)).toMatchObject({ schema: { applied: 901, refusal } })
  })

  test('is served as it is when all that is new in it is additive', async () => {
    await migrate(database, [...(await readMigrations()), fake(900, 'select 1', true), fake(901, 'select 1', true)])
    expect(await migrate(database)).toEqual({ applied: [] })
    expect(await findOlderSchema(database.maintenance)).toBeUndefined()
    expect(await readDatabaseState(database.db)).toMatchObject({ schema: { applied: 901, refusal: null } })
  })
})

test('a table of an earlier release, which does not say what is additive, is read and completed', async () => {
  await sql`alter table agentos_migrations drop column additive`.execute(database.maintenance)
  await database.db
    .insertInto('agentos_migrations')
    .values({ version: 900, name: '0900_later.sql', checksum: 'x' })
    .execute()
  await expect(findOlderSchema(database.maintenance)).rejects.toMatchObject({ code: 'SCHEMA_NEWER' })
  await database.db.deleteFrom('agentos_migrations').where('version', '=', 900).execute()
  expect(await findOlderSchema(database.maintenance)).toBeUndefined()
  expect(await migrate(database)).toEqual({ applied: [] })
  expect(await database.db.selectFrom('agentos_migrations').select('additive').execute()).toContainEqual({
    additive: false,
  })
})

test('what a schema lacks is told with both versions, and nothing is made', async () => {
  await using empty = await openTestDatabase({ migrated: false })
  const known = (await readMigrations()).length
  const message = async () => (await findOlderSchema(empty.maintenance))?.message
  expect((await findOlderSchema(empty.maintenance))?.code).toBe('SCHEMA_OLDER')
  expect(await message()).toBe(`The schema has not been made yet and this release needs migration ${known}.`)
  expect((await findOlderKnowledge(empty.maintenance))?.message).toMatch(/^The schema of knowledge has not been made/)
  const { rows } = await sql`select from pg_tables where tablename like 'agentos%'`.execute(empty.db)
  expect(rows).toEqual([])
  await migrate(empty, (await readMigrations()).slice(0, 2))
  expect(await message()).toBe(`The schema is at migration 2 and this release needs migration ${known}.`)
})

test('every migration since the tenth says whether it is additive', async () => {
  const later = (await readMigrations()).filter(({ version }) => version > 9)
  const silent = later.filter(({ text }) => !/^-- (additive|breaking)\b/.test(text)).map(({ name }) => name)
  expect(silent, 'begin the file with "-- additive: ..." or "-- breaking: ..."').toEqual([])
})

test('a migration whose text has changed since is refused', async () => {
  const [first, ...others] = await readMigrations()
  const changed = [{ ...first!, checksum: 'another' }, ...others]
  await expect(migrate(database, changed)).rejects.toMatchObject({
    code: 'SCHEMA_CHANGED',
    message: expect.stringContaining(first!.name),
  })
})
