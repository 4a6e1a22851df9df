/**
 * Approvals as Agno shows them.
 * @module
 */
import type { Approval as WireApproval } from '@agentos/wire'
import { isJsonObject } from '../../base/json.ts'
import type { PauseKind } from '../../base/requirement.ts'
import type { Approval } from '../../storage/runs/approvals.ts'
import { PAUSE_TYPES, toRunRequirement } from './requirement.ts'
import { toSeconds } from './time.ts'

export function toApproval(approval: Approval): WireApproval {
  const { runType, componentId, componentName, toolInput, requirements } = approval
  return {
    id: approval.approvalId,
    run_id: approval.runId,
    session_id: approval.sessionId,
    status: approval.status,
    source_type: runType,
    approval_type: approval.approvalType,
    pause_type: PAUSE_TYPES[approval.pauseKind],
    tool_name: approval.toolName,
    tool_args: isJsonObject(toolInput) ? toolInput : null,
    expires_at: null,
    agent_id: runType === 'agent' ? componentId : null,
    team_id: runType === 'team' ? componentId : null,
    workflow_id: runType === 'workflow' ? componentId : null,
    user_id: approval.userId,
    schedule_id: approval.scheduleId,
    schedule_run_id: approval.scheduleRunId,
    source_name: componentName,
    requirements: requirements.length > 0 ? requirements.map(toRunRequirement) : null,
    context: { tool_names: [approval.toolName], ...(componentName !== null && { source_name: componentName }) },
    resolution_data: approval.resolutionData,
    resolved_by: approval.resolvedBy,
    resolved_at: toSeconds(approval.resolvedAt),
    created_at: toSeconds(approval.createdAt),
    updated_at: toSeconds(approval.updatedAt),
    run_status: approval.runStatus,
  }
}

/** The kind of pause that Agno calls `name`; undefined for a name that is none. */
export function toPauseKind(name: string): PauseKind | undefined {
  // The keys of the record are what its type says.
  return (Object.keys(PAUSE_TYPES) as PauseKind[]).find((kind) => PAUSE_TYPES[kind] === name)
}
