/**
 * Tables with one partition per day: retention drops whole partitions, which costs the same however much is in them. Days
 * are UTC, and today is the database's. What no partition takes falls into the default one.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

export type PartitionedTable = 'agentos_run_events' | 'agentos_spans'

export const TODAY = sql<string>`(now() at time zone 'utc')::date`

/** How many days ahead have their partition: a database that misses its turn for a day does not notice. */
const DAYS_AHEAD = 2

/** Creating and dropping a partition needs every writer to pause; rather try again later than make them wait. */
const LOCK_TIMEOUT = '2s'

/** Any constant of our own: only one server at a time changes partitions. */
const ADVISORY_LOCK = 4_218_097_312

/** Makes the partitions of today and the next {@link DAYS_AHEAD} days where they are missing. */
export async function preparePartitions(db: Db, table: PartitionedTable): Promise<void> {
  const missing = await sql<{ name: string }>`${missingPartitions(table)}`.execute(db)
  if (missing.rows.length === 0) return
  await db.transaction().execute(async (transaction) => {
    await beginPartitionChange(transaction)
    // Asked again: another server may have made them while this one waited for its turn.
    const days = await sql<{ name: string; day: string; next_day: string }>`${missingPartitions(table)}`.execute(
      transaction,
    )
    for (const { name, day, next_day: nextDay } of days.rows) {
      const partition = sql.table(name)
      // Rows of that day may already be in the default partition, which then refuses the new one.
      await sql`create table ${partition} (like ${sql.table(table)} including all)`.execute(transaction)
      await sql`
        with moved as (delete from ${defaultOf(table)} where day = ${day}::date returning *)
        insert into ${partition} select * from moved`.execute(transaction)
      await sql`
        alter table ${sql.table(table)} attach partition ${partition}
        for values from (${sql.lit(day)}) to (${sql.lit(nextDay)})`.execute(transaction)
    }
  })
}

/**
 * Drops the partitions of days that ended more than `retainDays` days ago.
 * @returns their names
 */
export async function dropPartitions(db: Db, table: PartitionedTable, retainDays: number): Promise<string[]> {
  const expired = sql<{ name: string }>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ${table}::regclass and c.relname ~ ${`^${table}_[0-9]{8}$`}
      and to_date(right(c.relname, 8), 'YYYYMMDD') < ${TODAY} - ${retainDays}::integer
    order by 1`
  const found = await expired.execute(db)
  await sql`delete from ${defaultOf(table)} where day < ${TODAY} - ${retainDays}::integer`.execute(db)
  if (found.rows.length === 0) return []
  return db.transaction().execute(async (transaction) => {
    await beginPartitionChange(transaction)
    const { rows } = await expired.execute(transaction)
    for (const { name } of rows) await sql`drop table ${sql.table(name)}`.execute(transaction)
    return rows.map(({ name }) => name)
  })
}

const defaultOf = (table: PartitionedTable) => sql.table(`${table}_default`)

async function beginPartitionChange(transaction: Db): Promise<void> {
  await sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`.execute(transaction)
  await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK}::bigint)`.execute(transaction)
}

function missingPartitions(table: PartitionedTable) {
  return sql`
    select name, day::text as day, (day + 1)::text as next_day
    from (
      select day::date as day, ${`${table}_`}::text || to_char(day, 'YYYYMMDD') as name
      from generate_series(${TODAY}, ${TODAY} + ${DAYS_AHEAD}::integer, interval '1 day') as day
    ) wanted
    where not exists (
      -- to_regclass would do, but within a transaction it may not notice what another session has just created.
      select from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = ${table}::regclass and c.relname = wanted.name
    )
    order by day`
}
