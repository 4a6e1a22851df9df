/**
 * What is in a database after a measurement, as PostgreSQL counts it.
 * @module
 */
import { until } from '../../e2e/condition.ts'
import type { PostgresClient } from '../../e2e/postgres-client.ts'

/** Tables that grow with runs; the limit program has one. */
const RUN_TABLES = '^(agentos_(runs|messages|run_events)|limit_rows)'
/** What a run writes to: its session, too, which it may share with others. */
const WRITTEN_TABLES = '^(agentos_(sessions|runs|messages|run_events|approvals)|limit_rows)'

/** Bytes on disk by table, without sessions; with indexes and with what updates have left behind. */
export async function storedBytes(db: PostgresClient): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query(
    `select regexp_replace(relname, '^(agentos_run_events).*', '\\1'), sum(pg_total_relation_size(oid))
    from pg_class where relkind = 'r' and relname ~ '${RUN_TABLES}' group by 1`,
  )
  return new Map(rows.map(([table, bytes]) => [String(table), Number(bytes)]))
}

/** Bytes of the write-ahead log so far, of all databases of the server. */
export async function logBytes(db: PostgresClient): Promise<number> {
  const [row] = await db.query("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
  return Number(row?.[0])
}

/**
 * Rows inserted, updated and deleted so far. Connections tell of theirs when they end, so this waits until the caller's is
 * the only one.
 */
export async function rowsWritten(db: PostgresClient): Promise<number> {
  await until('the other connections to end', async () => {
    const [row] = await db.query(
      `select count(*) from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    )
    return row?.[0] === '0'
  })
  const [row] = await db.query(
    `select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables where relname ~ '${WRITTEN_TABLES}'`,
  )
  return Number(row?.[0])
}
