/**
 * What the database holds and how much room it takes, for operators.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

/** Counting reads a whole table; from this size on PostgreSQL's own estimate has to do. */
const COUNTED_BYTES = 64 * 1024 * 1024

export type TableReport = {
  /** With the schema, `ai`, where it holds what is searched, unless that has a database of its own. */
  readonly name: string
  readonly rows: number
  /** Whether `rows` is PostgreSQL's estimate, from the last time it looked. */
  readonly isEstimate: boolean
  /** Without indexes and without long values, which PostgreSQL keeps beside the table. */
  readonly tableBytes: number
  readonly indexBytes: number
  /** Long values and their index. */
  readonly toastBytes: number
}

export type PartitionReport = {
  readonly name: string
  /** `YYYY-MM-DD` in UTC; null for what no other partition takes. */
  readonly day: string | null
  readonly bytes: number
}

export type StorageReport = {
  /** Of the whole database, with what is not ours. */
  readonly databaseBytes: number
  /** The largest first; the partitions of the events are one table. */
  readonly tables: readonly TableReport[]
  /** The oldest day first. */
  readonly eventPartitions: readonly PartitionReport[]
  /** When the run was created that ended the longest ago; null when none has ended. */
  readonly oldestRunAt: Date | null
}

export async function reportStorage(db: Db): Promise<StorageReport> {
  const [tables, partitions, whole] = await Promise.all([
    measureTables(db),
    listPartitions(db),
    sql<{ bytes: number; oldest: Date | null }>`
      select pg_database_size(current_database()) as bytes,
        (select created_at from agentos_runs where parent_run_id is null and finished_at is not null
          order by finished_at limit 1) as oldest`.execute(db),
  ])
  const { bytes, oldest } = whole.rows[0] ?? { bytes: 0, oldest: null }
  return { databaseBytes: bytes, tables, eventPartitions: partitions, oldestRunAt: oldest }
}

type TableRow = { name: string; estimate: number; table_bytes: number; index_bytes: number; toast_bytes: number }

async function measureTables(db: Db): Promise<TableReport[]> {
  const { rows } = await sql<TableRow>`
    select case when c.relnamespace = own.relnamespace then '' else 'ai.' end || coalesce(parent.relname, c.relname) as name,
      -- -1: PostgreSQL has not looked at it yet.
      case when min(c.reltuples) < 0 then -1 else sum(c.reltuples)::int8 end as estimate,
      sum(pg_relation_size(c.oid))::int8 as table_bytes,
      sum(pg_indexes_size(c.oid))::int8 as index_bytes,
      sum(case c.reltoastrelid when 0 then 0 else pg_total_relation_size(c.reltoastrelid) end)::int8 as toast_bytes
    from pg_class c
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class parent on parent.oid = i.inhparent
    join pg_class own on own.oid = 'agentos_runs'::regclass
    where c.relkind = 'r' and starts_with(c.relname, 'agentos_')
      and c.relnamespace in (own.relnamespace, to_regnamespace('ai'))
    group by 1
    order by sum(pg_total_relation_size(c.oid)) desc, 1`.execute(db)
  return Promise.all(rows.map((row) => describeTable(db, row)))
}

async function describeTable(db: Db, row: TableRow): Promise<TableReport> {
  const isEstimate = row.estimate >= 0 && row.table_bytes > COUNTED_BYTES
  return {
    name: row.name,
    rows: isEstimate ? row.estimate : await countRows(db, row.name),
    isEstimate,
    tableBytes: row.table_bytes,
    indexBytes: row.index_bytes,
    toastBytes: row.toast_bytes,
  }
}

async function countRows(db: Db, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) from ${sql.table(table)}`.execute(db)
  return rows[0]?.count ?? 0
}

async function listPartitions(db: Db): Promise<PartitionReport[]> {
  const { rows } = await sql<PartitionReport>`
    select c.relname as name, pg_total_relation_size(c.oid) as bytes,
      case when c.relname ~ '_[0-9]{8}$' then to_date(right(c.relname, 8), 'YYYYMMDD')::text end as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'agentos_run_events'::regclass
    order by day nulls last`.execute(db)
  return rows
}
