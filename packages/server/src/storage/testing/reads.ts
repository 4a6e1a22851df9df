/**
 * What statements read, as PostgreSQL counts it.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import { expect } from 'vitest'
import type { Db } from '../tables.ts'

export type Reads = { readonly wholeTables: number; readonly rows: number }

/**
 * What `work` reads of some tables; its changes are undone.
 * @param tables condition on `relname`
 */
export async function readsOf(db: Db, tables: RawBuilder<unknown>, work: (db: Db) => Promise<unknown>): Promise<Reads> {
  const undo = new Error('undo')
  let reads: Reads = { wholeTables: 0, rows: 0 }
  const measured = db.transaction().execute(async (transaction) => {
    const before = await readsSoFar(transaction, tables)
    await work(transaction)
    const after = await readsSoFar(transaction, tables)
    reads = { wholeTables: after.wholeTables - before.wholeTables, rows: after.rows - before.rows }
    throw undo
  })
  await expect(measured).rejects.toBe(undo)
  return reads
}

/** Of this connection. */
async function readsSoFar(db: Db, tables: RawBuilder<unknown>): Promise<Reads> {
  const { rows } = await sql<Reads>`
    select coalesce(sum(seq_scan), 0)::integer as "wholeTables",
      coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::integer as rows
    from pg_stat_xact_user_tables where ${tables}`.execute(db)
  const [reads] = rows
  if (reads === undefined) throw new Error('PostgreSQL does not say what was read')
  return reads
}
