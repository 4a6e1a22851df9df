/**
 * Approvals on their way into the database, as parts of the statements that pause, continue and end a run.
 * @module
 */
import { sql } from 'kysely'
import type { Json, JsonObject } from '../../base/json.ts'
import type { ApprovalType, PauseKind, Requirement, RequirementAnswer } from '../../base/requirement.ts'
import type { ApprovalStatus } from '../tables.ts'
import { jsonText } from '../values.ts'

/** The record of an answer that needed no approval, but is to be recorded as one. */
export type NewApproval = {
  readonly approvalId: string
  readonly status: 'approved' | 'rejected'
  readonly resolvedBy: string | null
  /** What was answered, with the answer. */
  readonly requirement: Requirement
}

export type ApprovalAnswer = {
  readonly approvalId: string
  readonly status: 'approved' | 'rejected'
  readonly resolvedBy: string | null
  readonly resolutionData: JsonObject | null
}

/** A row of `agentos_approvals`, in its own words; what it shares with its run comes from there. */
type ApprovalValues = {
  readonly approval_id: string
  readonly approval_type: ApprovalType
  readonly status: ApprovalStatus
  readonly pause_kind: PauseKind
  readonly tool_name: string
  readonly tool_input: Json
  readonly requirements: readonly Requirement[]
  readonly resolution_data: RequirementAnswer | null
  readonly resolved_by: string | null
}

/** One approval per `approvalId`; calls that share one are decided together, and it is named after the first. */
export function askedApprovals(requirements: readonly Requirement[]): ApprovalValues[] {
  const approvals = new Map<string, ApprovalValues>()
  for (const requirement of requirements) {
    const { approval, approvalId, answer } = requirement
    if (approval !== 'required' || approvalId === null || answer !== null || approvals.has(approvalId)) continue
    approvals.set(approvalId, { ...valuesOf(requirement, approvalId), approval_type: 'required', requirements })
  }
  return [...approvals.values()]
}

export function auditRecords(audits: readonly NewApproval[]): ApprovalValues[] {
  return audits.map(({ approvalId, status, resolvedBy, requirement }) => ({
    ...valuesOf(requirement, approvalId),
    approval_type: 'audit',
    status,
    resolution_data: requirement.answer,
    resolved_by: resolvedBy,
  }))
}

function valuesOf(requirement: Requirement, approvalId: string) {
  return {
    approval_id: approvalId,
    status: 'pending',
    pause_kind: requirement.kind,
    tool_name: requirement.toolName,
    tool_input: requirement.input,
    requirements: [requirement],
    resolution_data: null,
    resolved_by: null,
  } as const
}

/**
 * @param runs the CTE with the row of the run; without a row nothing is inserted
 * @param componentName the name of the agent
 */
export function insertApprovals(runs: string, componentName: string, approvals: readonly ApprovalValues[]) {
  return sql`
    insert into agentos_approvals (
      approval_id, run_id, session_id, status, approval_type, pause_kind, run_type, component_id, component_name, user_id,
      tool_name, tool_input, requirements, resolution_data, resolved_by, resolved_at
    )
    select given.approval_id, r.run_id, r.session_id, given.status, given.approval_type, given.pause_kind, r.run_type,
      r.component_id, ${componentName}::text, r.user_id, given.tool_name, given.tool_input, given.requirements,
      nullif(given.resolution_data, 'null'), given.resolved_by, case when given.status <> 'pending' then now() end
    from ${sql.table(runs)} r, jsonb_populate_recordset(null::agentos_approvals, ${jsonText(approvals)}::jsonb) given
    on conflict (approval_id) do nothing`
}

/** Answers those that still wait. */
export function answerApprovals(runs: string, answers: readonly ApprovalAnswer[]) {
  return sql`
    update agentos_approvals a set
      status = given.status, resolved_by = given."resolvedBy", resolved_at = now(), updated_at = now(),
      resolution_data = nullif(given."resolutionData", 'null')
    from ${sql.table(runs)} r, jsonb_to_recordset(${jsonText(answers)}::jsonb) as given (
      "approvalId" text, status text, "resolvedBy" text, "resolutionData" jsonb
    )
    where a.approval_id = given."approvalId" and a.run_id = r.run_id and a.status = 'pending'`
}

export function cancelApprovals(runs: string) {
  return sql`
    update agentos_approvals a set status = 'cancelled', resolved_at = now(), updated_at = now()
    from ${sql.table(runs)} r where a.run_id = r.run_id and a.status = 'pending'`
}
