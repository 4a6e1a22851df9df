/**
 * Runs and their journals: reading, cancelling, keeping leases. The statements that every run needs have files of their
 * own. Only the clock of the database decides leases.
 * @module
 */
import { type ExpressionBuilder, sql, type SqlBool } from 'kysely'
import type { Message } from '../../base/message.ts'
import type { RunStatus } from '../../base/run.ts'
import { readRun, type Run } from './run-row.ts'
import type { Db, Tables } from '../tables.ts'
import { textArray } from '../values.ts'

export { commitMessages } from './commit-messages.ts'
export { continueRun } from './continue-run.ts'
export { adoptRun, claimRuns, releaseAllRuns, releaseRuns, type ClaimedRun } from './claim-runs.ts'
export { createRun, type NewRun } from './create-run.ts'
export { finishRun } from './finish-run.ts'
export { forkRun } from './fork-run.ts'
export { forkSession } from '../sessions/fork-session.ts'
export { loadHistory } from './load-history.ts'
export type { Run } from './run-row.ts'

/** @returns undefined when there is none */
export async function findRun(db: Db, runId: string): Promise<Run | undefined> {
  const row = await db.selectFrom('agentos_runs').selectAll().where('run_id', '=', runId).executeTakeFirst()
  return row && readRun(row)
}

export type RunQuery = {
  /** Any of these; all without them. */
  readonly statuses?: readonly RunStatus[] | undefined
  readonly createdAfter?: Date | undefined
  readonly createdBefore?: Date | undefined
  readonly componentId?: string | undefined
}

/** The runs of a session, oldest first. Both times are inclusive. */
export async function listRuns(db: Db, sessionId: string, query: RunQuery = {}): Promise<Run[]> {
  const rows = await db
    .selectFrom('agentos_runs')
    .selectAll()
    .where(ofSession(sessionId, query))
    .orderBy('created_at')
    .orderBy('run_id')
    .execute()
  return rows.map(readRun)
}

/** A run in short. */
export type RunPreview = Pick<
  Run,
  'runId' | 'parentRunId' | 'runType' | 'componentId' | 'userId' | 'status' | 'createdAt'
> & {
  /** The first characters of what was asked. */
  readonly input: string
  /** The first characters of the answer; null while there is none. */
  readonly content: string | null
}

/** {@link listRuns} in short: the long texts stay in the database. @param characters of input and answer each */
export async function listRunPreviews(
  db: Db,
  sessionId: string,
  query: RunQuery,
  characters: number,
): Promise<RunPreview[]> {
  const rows = await db
    .selectFrom('agentos_runs')
    .select(['run_id', 'parent_run_id', 'run_type', 'component_id', 'user_id', 'status', 'created_at'])
    .select([
      sql<string>`left(input, ${characters}::integer)`.as('input'),
      // What is text is shown without the quotes of JSON.
      sql<string | null>`left(coalesce(content #>> '{}', error_message), ${characters}::integer)`.as('content'),
    ])
    .where(ofSession(sessionId, query))
    .orderBy('created_at')
    .orderBy('run_id')
    .execute()
  return rows.map((row) => ({
    runId: row.run_id,
    parentRunId: row.parent_run_id,
    runType: row.run_type,
    componentId: row.component_id,
    userId: row.user_id,
    status: row.status,
    createdAt: row.created_at,
    input: row.input,
    content: row.content,
  }))
}

function ofSession(sessionId: string, { statuses, createdAfter, createdBefore, componentId }: RunQuery) {
  return (where: ExpressionBuilder<Tables, 'agentos_runs'>) =>
    where.and([
      where('session_id', '=', sessionId),
      ...(statuses === undefined ? [] : [sql<SqlBool>`status = any(${textArray(statuses)}::text[])`]),
      ...(createdAfter === undefined ? [] : [where('created_at', '>=', createdAfter)]),
      ...(createdBefore === undefined ? [] : [where('created_at', '<=', createdBefore)]),
      ...(componentId === undefined ? [] : [where('component_id', '=', componentId)]),
    ])
}

/**
 * Asks the owner of a run to stop it; the owner sees it when it renews its leases. Asking again changes nothing.
 * @returns the run's status and owner, or undefined when there is no such run; one that has ended is left alone
 */
export async function requestCancel(
  db: Db,
  runId: string,
): Promise<{ status: RunStatus; leaseOwner: string | null } | undefined> {
  const asked = await sql<{ status: RunStatus; lease_owner: string | null }>`
    with asked as (
      update agentos_runs set cancel_requested_at = now(), updated_at = now()
      where run_id = ${runId} and cancel_requested_at is null and status in ('PENDING', 'RUNNING', 'PAUSED')
    )
    select status, lease_owner from agentos_runs where run_id = ${runId}`.execute(db)
  const row = asked.rows[0]
  return row && { status: row.status, leaseOwner: row.lease_owner }
}

/**
 * Keeps runs of a replica, in one statement. Only those it names: one that the database gives it and that it does not
 * know, because an answer got lost, must become somebody's.
 * @param leaseMs milliseconds from now; renew before a third of it has passed
 * @returns the runs that are still the replica's; one that is missing was lost to another replica
 */
export async function renewLeases(
  db: Db,
  owner: string,
  runIds: readonly string[],
  leaseMs: number,
): Promise<{ runId: string; cancelRequested: boolean }[]> {
  if (runIds.length === 0) return []
  // In one order, as whoever else changes several runs: two that each hold what the other waits for would stop both.
  const renewed = await sql<{ run_id: string; cancel_requested: boolean }>`
    with held as (
      select run_id from agentos_runs
      where run_id = any(${textArray(runIds)}::text[]) and lease_owner = ${owner} and status = 'RUNNING'
      order by run_id for no key update
    )
    update agentos_runs r set lease_until = now() + ${leaseMs}::float8 * interval '1 millisecond'
    from held where r.run_id = held.run_id
    returning r.run_id, r.cancel_requested_at is not null as cancel_requested`.execute(db)
  return renewed.rows.map((row) => ({ runId: row.run_id, cancelRequested: row.cancel_requested }))
}

/** The journals of `runIds`, each in its order; a run without messages has an empty one. */
export async function loadMessages(db: Db, runIds: readonly string[]): Promise<Map<string, Message[]>> {
  const journals = new Map<string, Message[]>(runIds.map((runId) => [runId, []]))
  if (runIds.length === 0) return journals
  const rows = await sql<{ run_id: string; message: Message }>`
    select run_id, message from agentos_messages
    where run_id = any(${textArray(runIds)}::text[])
    order by run_id, seq`.execute(db)
  for (const { run_id: runId, message } of rows.rows) journals.get(runId)?.push(message)
  return journals
}
