/**
 * Approvals: what a tool call asked a person with the right to allow it, and what they said. Rows are made by the pause of
 * a run; an answer is given once.
 * @module
 */
import { sql, type ExpressionBuilder, type Selectable, type SqlBool } from 'kysely'
import type { Json, JsonObject } from '../../base/json.ts'
import type { ApprovalType, PauseKind, Requirement } from '../../base/requirement.ts'
import type { RunStatus } from '../../base/run.ts'
import type { ApprovalRow, ApprovalStatus, Db, SessionType } from '../tables.ts'
import { jsonTextOrNull } from '../values.ts'

export type { ApprovalStatus } from '../tables.ts'

export type Approval = {
  readonly approvalId: string
  readonly runId: string
  readonly sessionId: string
  readonly status: ApprovalStatus
  readonly approvalType: ApprovalType
  readonly pauseKind: PauseKind
  readonly runType: SessionType
  readonly componentId: string
  readonly componentName: string | null
  /** Of the run: who asked for what needs the approval, not who gives it. */
  readonly userId: string | null
  readonly toolName: string
  readonly toolInput: Json
  /** Those of the pause, as they were asked. */
  readonly requirements: readonly Requirement[]
  readonly resolutionData: JsonObject | null
  readonly resolvedBy: string | null
  readonly resolvedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Of the run now: whether it still waits. */
  readonly runStatus: RunStatus
  /** What began the run; null when no schedule did. */
  readonly scheduleId: string | null
  readonly scheduleRunId: string | null
}

export type ApprovalFilter = {
  readonly status?: ApprovalStatus | undefined
  readonly approvalType?: ApprovalType | undefined
  readonly pauseKind?: PauseKind | undefined
  readonly runType?: SessionType | undefined
  readonly componentId?: string | undefined
  readonly userId?: string | undefined
  readonly runId?: string | undefined
  readonly scheduleId?: string | undefined
}

/** `limit`: most approvals of a page, from 0. `page`: from 1; 0 is the first page too. */
export type ApprovalQuery = ApprovalFilter & { readonly limit: number; readonly page: number }

export type Resolution = {
  readonly status: 'approved' | 'rejected'
  readonly resolvedBy: string | null
  readonly resolutionData: JsonObject | null
}

/** One page of the approvals that match, newest first, and how many match in all. */
export async function listApprovals(
  db: Db,
  query: ApprovalQuery,
): Promise<{ readonly approvals: Approval[]; readonly total: number }> {
  const { limit, page } = query
  const [rows, count] = await Promise.all([
    selectApprovals(db)
      .where(matches(query))
      .orderBy('a.created_at', 'desc')
      .orderBy('a.approval_id', 'desc')
      .limit(limit)
      .offset(Math.max(0, page - 1) * limit)
      .execute(),
    countApprovals(db, query),
  ])
  return { approvals: rows.map(readApproval), total: count }
}

/** How many approvals wait for an answer. */
export async function countPending(db: Db, filter: Omit<ApprovalFilter, 'status'> = {}): Promise<number> {
  return countApprovals(db, { ...filter, status: 'pending' })
}

/** @returns undefined when there is none, or it does not match `filter` */
export async function findApproval(
  db: Db,
  approvalId: string,
  filter: ApprovalFilter = {},
): Promise<Approval | undefined> {
  const row = await selectApprovals(db)
    .where('a.approval_id', '=', approvalId)
    .where(matches(filter))
    .executeTakeFirst()
  return row && readApproval(row)
}

/**
 * Answers an approval that waits. Of two answers at once, one is given.
 * @returns undefined when there is none, or it was answered or cancelled before
 */
export async function resolveApproval(
  db: Db,
  approvalId: string,
  { status, resolvedBy, resolutionData }: Resolution,
): Promise<Approval | undefined> {
  const resolved = await db
    .updateTable('agentos_approvals')
    .set({
      status,
      resolved_by: resolvedBy,
      resolved_at: sql`now()`,
      resolution_data: jsonTextOrNull(resolutionData),
      updated_at: sql`now()`,
    })
    .where('approval_id', '=', approvalId)
    .where('status', '=', 'pending')
    .executeTakeFirst()
  return resolved.numUpdatedRows === 0n ? undefined : findApproval(db, approvalId)
}

/** @returns whether there was one */
export async function deleteApproval(db: Db, approvalId: string): Promise<boolean> {
  const deleted = await db.deleteFrom('agentos_approvals').where('approval_id', '=', approvalId).executeTakeFirst()
  return deleted.numDeletedRows > 0n
}

function selectApprovals(db: Db) {
  return db
    .selectFrom('agentos_approvals as a')
    .innerJoin('agentos_runs as r', 'r.run_id', 'a.run_id')
    .leftJoin('agentos_schedule_runs as s', 's.run_id', 'a.run_id')
    .selectAll('a')
    .select(['r.status as run_status', 's.schedule_id', 's.schedule_run_id'])
}

async function countApprovals(db: Db, filter: ApprovalFilter): Promise<number> {
  const { total } = await db
    .selectFrom('agentos_approvals as a')
    .select(sql<number>`count(*)`.as('total'))
    .where(matches(filter))
    .executeTakeFirstOrThrow()
  return total
}

function matches({ status, approvalType, pauseKind, runType, componentId, userId, runId, scheduleId }: ApprovalFilter) {
  return (where: ExpressionBuilder<{ a: ApprovalRow }, 'a'>) =>
    where.and([
      ...(status === undefined ? [] : [where('a.status', '=', status)]),
      ...(approvalType === undefined ? [] : [where('a.approval_type', '=', approvalType)]),
      ...(pauseKind === undefined ? [] : [where('a.pause_kind', '=', pauseKind)]),
      ...(runType === undefined ? [] : [where('a.run_type', '=', runType)]),
      ...(componentId === undefined ? [] : [where('a.component_id', '=', componentId)]),
      ...(userId === undefined ? [] : [where('a.user_id', '=', userId)]),
      ...(runId === undefined ? [] : [where('a.run_id', '=', runId)]),
      ...(scheduleId === undefined ? [] : [isOfSchedule(scheduleId)]),
    ])
}

function isOfSchedule(scheduleId: string) {
  return sql<SqlBool>`a.run_id in (
    select run_id from agentos_schedule_runs where schedule_id = ${scheduleId} and run_id is not null
  )`
}

type ShownRow = Selectable<ApprovalRow> & {
  readonly run_status: RunStatus
  readonly schedule_id: string | null
  readonly schedule_run_id: string | null
}

function readApproval(row: ShownRow): Approval {
  return {
    approvalId: row.approval_id,
    runId: row.run_id,
    sessionId: row.session_id,
    status: row.status,
    approvalType: row.approval_type,
    pauseKind: row.pause_kind,
    runType: row.run_type,
    componentId: row.component_id,
    componentName: row.component_name,
    userId: row.user_id,
    toolName: row.tool_name,
    toolInput: row.tool_input,
    requirements: row.requirements,
    resolutionData: row.resolution_data,
    resolvedBy: row.resolved_by,
    resolvedAt: row.resolved_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    runStatus: row.run_status,
    scheduleId: row.schedule_id,
    scheduleRunId: row.schedule_run_id,
  }
}
