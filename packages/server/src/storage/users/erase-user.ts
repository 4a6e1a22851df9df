/**
 * Deletes what any table holds of one user, in batches that are over soon: an erasure that breaks off is gone on with by
 * asking again, and asking again when nothing is left changes nothing.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import { AgentOSError } from '../../base/errors.ts'
import { deleteContents } from '../media.ts'
import { among, readIds, TABLES, tablesOf } from './personal-data.ts'
import { deleteSessions } from '../sessions/sessions.ts'
import type { Db } from '../tables.ts'

/** Rows deleted, by table; those with none are left out. */
export type ErasedRows = Readonly<Record<string, number>>

/** Sessions, and rows of other tables, that go together. */
const SESSIONS_AT_ONCE = 20
const ROWS_AT_ONCE = 1000

/** What stands in the place of a user who has answered somebody else's approval. */
const ERASED = 'erased'

/**
 * @throws {AgentOSError} USER_BUSY when runs of the user wait or run; nothing is deleted then
 */
export async function eraseUser(db: Db, userId: string): Promise<ErasedRows> {
  await refuseBusy(db, userId)
  const erased = new Map<string, number>()
  const count = (table: string, rows: number) => void (rows > 0 && erased.set(table, (erased.get(table) ?? 0) + rows))
  const own = sql<boolean>`user_id = ${userId}`

  // First what would start runs of the user, last what nothing else refers to.
  for (const table of tablesOf('user')
    .filter((name) => name !== 'agentos_sessions')
    .toReversed()) {
    count(table, await eraseOwn(db, table, own))
  }
  for await (const sessions of readIds(db, 'agentos_sessions', 'session_id', own, SESSIONS_AT_ONCE)) {
    await eraseSessions(db, sessions, count)
  }
  for await (const traces of readIds(db, 'agentos_traces', 'trace_id', own, SESSIONS_AT_ONCE)) {
    for (const table of ['agentos_spans', 'agentos_traces']) {
      const { numAffectedRows } = await sql`delete from ${sql.table(table)} where ${among('trace_id', traces)}`.execute(
        db,
      )
      count(table, Number(numAffectedRows ?? 0n))
    }
  }
  const { numAffectedRows } = await sql`
    update agentos_approvals set resolved_by = ${ERASED} where resolved_by = ${userId}`.execute(db)
  count('agentos_approvals', Number(numAffectedRows ?? 0n))
  return Object.fromEntries(erased)
}

async function refuseBusy(db: Db, userId: string): Promise<void> {
  const { rows } = await sql<{ run_id: string }>`
    select run_id from agentos_runs r join agentos_sessions s using (session_id)
    where s.user_id = ${userId} and r.status in ('PENDING', 'RUNNING') and r.parent_run_id is null
    order by r.created_at limit 3`.execute(db)
  if (rows.length === 0) return
  const runs = rows.map(({ run_id: runId }) => runId).join(', ')
  throw new AgentOSError('USER_BUSY', `Runs of user ${JSON.stringify(userId)} wait or run: ${runs}`)
}

type Count = (table: string, rows: number) => void

async function eraseSessions(db: Db, sessions: readonly string[], count: Count): Promise<void> {
  const ofSessions = among('session_id', sessions)
  const ofRuns = sql<boolean>`run_id in (select run_id from agentos_runs where ${ofSessions})`
  const hashes: string[] = []
  for await (const some of readIds(db, 'agentos_media', 'content_hash', ofRuns, ROWS_AT_ONCE)) hashes.push(...some)
  for (const table of tablesOf('run')) count(table, await countRows(db, table, ofRuns))
  count('agentos_runs', await countRows(db, 'agentos_runs', ofSessions))
  const ofTraces = sql<boolean>`trace_id in (select trace_id from agentos_traces where ${ofSessions})`
  count('agentos_spans', await countRows(db, 'agentos_spans', ofTraces))
  count('agentos_traces', await countRows(db, 'agentos_traces', ofSessions))
  count('agentos_sessions', await deleteSessions(db, sessions))
  count('agentos_media_contents', await deleteContents(db, hashes))
}

async function countRows(db: Db, table: string, where: RawBuilder<boolean>): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)} where ${where}`.execute(db)
  return rows[0]?.n ?? 0
}

/** Rows of a table that names the user itself. */
async function eraseOwn(db: Db, table: string, own: RawBuilder<boolean>): Promise<number> {
  const rows = sql`ctid = any(array(select ctid from ${sql.table(table)} where ${own} limit ${ROWS_AT_ONCE}::integer))`
  const erase =
    TABLES[table]?.unnamed === true
      ? sql`update ${sql.table(table)} set user_id = null where ${rows}`
      : sql`delete from ${sql.table(table)} where ${rows}`
  for (let total = 0; ;) {
    const { numAffectedRows } = await erase.execute(db)
    const erased = Number(numAffectedRows ?? 0n)
    total += erased
    if (erased < ROWS_AT_ONCE) return total
  }
}
