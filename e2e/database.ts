/**
 * Databases for servers under test: on PostgreSQL a fresh one on the server of TEST_POSTGRES_URL, embedded none at all.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { connectPostgres, type Rows } from './postgres-client.ts'

const SERVER = process.env['TEST_POSTGRES_URL']

export type EngineName = 'embedded' | 'postgres'

export const HAS_POSTGRES = Boolean(SERVER)
export const ENGINES: readonly EngineName[] = HAS_POSTGRES ? ['embedded', 'postgres'] : ['embedded']

export type TestDatabase = AsyncDisposable & {
  /** What a server needs to use it. */
  readonly env: Readonly<Record<string, string>>
  /** Its URL; empty when it is embedded. */
  readonly url: string
}

/** @throws {Error} when `engine` is postgres and the run has none */
export async function createDatabase(engine: EngineName): Promise<TestDatabase> {
  if (engine === 'embedded') return { env: {}, url: '', [Symbol.asyncDispose]: async () => {} }
  if (!SERVER) throw new Error('TEST_POSTGRES_URL names no PostgreSQL')
  const name = `e2e_${randomBytes(6).toString('hex')}`
  await runSql(SERVER, `create database ${name}`)
  const url = new URL(SERVER)
  url.pathname = `/${name}`
  return {
    env: { POSTGRES_URL: url.href },
    url: url.href,
    [Symbol.asyncDispose]: async () => void (await runSql(SERVER, `drop database if exists ${name} with (force)`)),
  }
}

/** Runs one statement on a connection of its own. */
export async function runSql(url: string, statement: string, values: readonly string[] = []): Promise<Rows> {
  await using client = await connectPostgres(url)
  return await client.query(statement, values)
}
