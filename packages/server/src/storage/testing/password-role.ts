/**
 * A role of PostgreSQL whose password changes, for tests of what is read from a file.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

export type PasswordRole = AsyncDisposable & {
  readonly name: string
  /** Sets the password, and ends the connections that were made with another one. */
  readonly rotate: (password: string) => Promise<void>
}

/** @param db of a superuser; disposing gives it what the role owns there */
export async function createPasswordRole(db: Db): Promise<PasswordRole> {
  const name = `role_${randomBytes(6).toString('hex')}`
  await sql`create role ${sql.id(name)} login superuser`.execute(db)
  return {
    name,
    rotate: async (password) => {
      await sql`alter role ${sql.id(name)} password ${sql.lit(password)}`.execute(db)
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${name}`.execute(db)
    },
    [Symbol.asyncDispose]: async () => {
      await sql`reassign owned by ${sql.id(name)} to current_user`.execute(db)
      await sql`drop role ${sql.id(name)}`.execute(db)
    },
  }
}
