/**
 * A database of its own for a test suite, empty but for the migrations, on the engine of the test project.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openDatabase } from '../database.ts'
import type { Database, EmbeddedOptions, PostgresOptions } from '../engine.ts'
import { migrate } from '../migrate.ts'
import { readMigrations } from '../migration-files.ts'

export type TestDatabase = Database & {
  /** With these `openDatabase` opens the same database again (on PostgreSQL also while this one is open). */
  readonly options: PostgresOptions | EmbeddedOptions
}

/** @param options.migrated false leaves the schema to the test */
export async function openTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const place = inject('engine') === 'postgres' ? await createPostgresDatabase() : await createDirectory(migrated)
  try {
    const database = await openDatabase(place.options, { clock: systemClock })
    const close = async () => {
      await database.close()
      await place.remove()
    }
    // A copied directory has them.
    if (migrated && database.engine === 'postgres') await migrate(database)
    return { ...database, options: place.options, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await place.remove()
    throw error
  }
}

type Place = { readonly options: PostgresOptions | EmbeddedOptions; readonly remove: () => Promise<void> }

/** @throws {Error} when the test project has no PostgreSQL */
async function createPostgresDatabase(): Promise<Place & { readonly options: PostgresOptions }> {
  const [server, directServer] = [inject('postgresUrl'), inject('postgresRawUrl')]
  const name = `test_${randomBytes(8).toString('hex')}`
  await runOnServer(directServer, `create database ${name}`)
  return {
    options: {
      kind: 'postgres',
      url: withDatabase(server, name),
      ...(directServer === server ? {} : { directUrl: withDatabase(directServer, name) }),
      poolSize: 20,
      backgroundPoolSize: 2,
      statementTimeoutMs: 15_000,
      connectTimeoutMs: 5_000,
      applicationName: 'agentos-test',
    },
    remove: () => runOnServer(directServer, `drop database if exists ${name} with (force)`),
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function runOnServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/**
 * A data directory that PGlite only has to open: making one takes seconds, and so do the migrations, so it is made once
 * per machine and copied.
 * @param migrated whether the schema is in it
 */
export async function createDirectory(migrated = false): Promise<Place & { readonly options: EmbeddedOptions }> {
  const directory = await mkdtemp(join(tmpdir(), 'agentos-embedded-'))
  await cp(await findTemplate(migrated), directory, { recursive: true })
  return {
    options: { kind: 'embedded', directory },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

async function findTemplate(migrated: boolean): Promise<string> {
  const schema = migrated ? `-${await versionOfMigrations()}` : ''
  const template = join(tmpdir(), `agentos-embedded-template-pglite-0.5.14${schema}`)
  const exists = () =>
    stat(template).then(
      () => true,
      () => false,
    )
  if (await exists()) return template
  const work = await mkdtemp(`${template}-partial-`)
  await makeEmbedded(work, migrated)
  try {
    await rename(work, template)
  } catch (error) {
    // Another test file was faster.
    await rm(work, { recursive: true, force: true })
    if (!(await exists())) throw error
  }
  return template
}

async function makeEmbedded(directory: string, migrated: boolean): Promise<void> {
  await using database = await openDatabase({ kind: 'embedded', directory }, { clock: systemClock })
  if (migrated) await migrate(database)
}

async function versionOfMigrations(): Promise<string> {
  const hash = createHash('sha256')
  for (const { checksum } of await readMigrations()) hash.update(checksum)
  return hash.digest('hex').slice(0, 12)
}
