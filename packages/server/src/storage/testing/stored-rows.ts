/**
 * Rows as they stand in the tables, for tests of what reads them: whatever age and status, without living through it.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { sql, type Insertable } from 'kysely'
import type { Message } from '../../base/message.ts'
import type { ApprovalRow, Db, RunRow } from '../tables.ts'
import { jsonText } from '../values.ts'

/** Makes the session too, where it is missing. */
export async function insertRun(db: Db, given: Partial<Insertable<RunRow>> = {}): Promise<string> {
  const row = {
    run_id: randomUUID(),
    session_id: randomUUID(),
    run_type: 'agent' as const,
    component_id: 'assistant',
    status: 'COMPLETED' as const,
    streamed: false,
    input: 'What is the weather in Oslo?',
    options: '{}',
    ...given,
  }
  await db
    .insertInto('agentos_sessions')
    .values({ session_id: row.session_id, session_type: 'agent', session_state: '{}' })
    .onConflict((conflict) => conflict.column('session_id').doNothing())
    .execute()
  await db.insertInto('agentos_runs').values(row).execute()
  return row.run_id
}

export async function insertMessages(db: Db, runId: string, messages: readonly Message[]): Promise<void> {
  const rows = messages.map((message, seq) => ({ run_id: runId, seq, message: jsonText(message) }))
  await db.insertInto('agentos_messages').values(rows).execute()
}

export async function insertApproval(
  db: Db,
  given: Partial<Insertable<ApprovalRow>> & { readonly run_id: string },
): Promise<string> {
  const row = {
    approval_id: randomUUID(),
    session_id: 'session-1',
    status: 'pending' as const,
    approval_type: 'required' as const,
    pause_kind: 'confirmation' as const,
    run_type: 'agent' as const,
    component_id: 'refund-desk',
    component_name: 'Refund desk',
    tool_name: 'refund',
    tool_input: jsonText({ cents: 500 }),
    ...given,
  }
  await db.insertInto('agentos_approvals').values(row).execute()
  return row.approval_id
}

/** For the events of a day in the past: `day` and `nextDay` as `YYYY-MM-DD`. */
export async function createEventPartition(db: Db, day: string, nextDay: string): Promise<void> {
  const name = `agentos_run_events_${day.replaceAll('-', '')}`
  await sql`
    create table ${sql.table(name)} partition of agentos_run_events
    for values from (${sql.lit(day)}) to (${sql.lit(nextDay)})`.execute(db)
}
