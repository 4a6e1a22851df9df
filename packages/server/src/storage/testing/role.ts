/**
 * A role of PostgreSQL without any right, for tests.
 * @module
 */
import { sql } from 'kysely'
import type { TestDatabase } from './database.ts'

export type TestRole = AsyncDisposable & {
  readonly name: string
  /** The database, as this role sees it. */
  readonly url: string
  readonly grantAllTables: () => Promise<void>
}

/** @param url of the database */
export async function createTestRole({ db }: TestDatabase, url: string): Promise<TestRole> {
  const name = `test_role_${process.pid}`
  await sql.raw(`create role ${name} login password 'for-the-test'`).execute(db)
  const own = new URL(url)
  own.username = name
  own.password = 'for-the-test'
  return {
    name,
    url: own.href,
    async grantAllTables() {
      await sql.raw(`grant all on all tables in schema public to ${name}`).execute(db)
    },
    async [Symbol.asyncDispose]() {
      await sql.raw(`drop owned by ${name}`).execute(db)
      await sql.raw(`drop role ${name}`).execute(db)
    },
  }
}
