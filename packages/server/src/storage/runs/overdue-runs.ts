/**
 * Runs that nobody has taken up for too long: they wait, or were lost, and no replica that serves their component came.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

const BATCH = 100

/**
 * @param olderThanMs milliseconds since a run was put into the queue, or since its lease ran out
 * @returns ids, oldest first, at most {@link BATCH}
 */
export async function findOverdueRuns(db: Db, olderThanMs: number): Promise<string[]> {
  const age = sql`now() - ${olderThanMs}::float8 * interval '1 millisecond'`
  const overdue = await sql<{ run_id: string }>`
    select run_id from agentos_runs
    where parent_run_id is null
      and ((status = 'PENDING' and updated_at < ${age}) or (status = 'RUNNING' and lease_until < ${age}))
    order by updated_at
    limit ${BATCH}`.execute(db)
  return overdue.rows.map((row) => row.run_id)
}
