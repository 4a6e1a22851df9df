/**
 * Everything that any table holds of one user, row by row. Read in small pages, so that neither the database nor this
 * process has it all at once; what changes meanwhile may be in it or not.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import { among, readIds, readRows, type Row, tablesOf } from './personal-data.ts'
import type { Db } from '../tables.ts'

export type ExportedRow = { readonly table: string; readonly row: Row }

/** How many sessions, and how many of their runs, are looked at together. */
const TOGETHER = 20

export async function* exportUser(db: Db, userId: string): AsyncGenerator<ExportedRow> {
  const own = sql<boolean>`user_id = ${userId}`
  for (const table of tablesOf('user')) yield* labelled(db, table, own)
  for await (const sessions of readIds(db, 'agentos_sessions', 'session_id', own, TOGETHER)) {
    yield* exportSessions(db, sessions)
  }
  // Those without a session of the user.
  const apart = sql<boolean>`${own} and (session_id is null or not exists (
    select from agentos_sessions s where s.session_id = agentos_traces.session_id and s.user_id = ${userId}))`
  for await (const traces of readIds(db, 'agentos_traces', 'trace_id', apart, TOGETHER)) {
    yield* exportTraces(db, traces)
  }
  // Somebody else's, that the user has answered.
  yield* labelled(
    db,
    'agentos_approvals',
    sql<boolean>`resolved_by = ${userId} and not exists (
      select from agentos_sessions s where s.session_id = t.session_id and s.user_id = ${userId})`,
  )
}

async function* exportSessions(db: Db, sessions: readonly string[]): AsyncGenerator<ExportedRow> {
  const ofSessions = among('session_id', sessions)
  yield* labelled(db, 'agentos_runs', ofSessions)
  for await (const runs of readIds(db, 'agentos_runs', 'run_id', ofSessions, TOGETHER)) {
    const ofRuns = among('run_id', runs)
    for (const table of tablesOf('run')) yield* labelled(db, table, ofRuns)
    for await (const hashes of readIds(db, 'agentos_media', 'content_hash', ofRuns, TOGETHER)) {
      for (const table of tablesOf('content')) yield* labelled(db, table, among('content_hash', hashes))
    }
  }
  for await (const traces of readIds(db, 'agentos_traces', 'trace_id', ofSessions, TOGETHER)) {
    yield* exportTraces(db, traces)
  }
}

async function* exportTraces(db: Db, traces: readonly string[]): AsyncGenerator<ExportedRow> {
  const ofTraces = among('trace_id', traces)
  yield* labelled(db, 'agentos_traces', ofTraces)
  for (const table of tablesOf('trace')) yield* labelled(db, table, ofTraces)
}

async function* labelled(db: Db, table: string, where: RawBuilder<boolean>): AsyncGenerator<ExportedRow> {
  for await (const row of readRows(db, table, where)) yield { table, row }
}
