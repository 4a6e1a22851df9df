/**
 * Approvals: decisions that a run waits for, and the record of those that were taken.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Id, JsonObject, pageOf } from './json.ts'
import { RunRequirement } from './requirement.ts'
import { RunStatus } from './run-status.ts'

export const ApprovalStatus = z.enum(['pending', 'approved', 'rejected', 'expired', 'cancelled'])
export type ApprovalStatus = z.infer<typeof ApprovalStatus>
export const ApprovalType = z.enum(['required', 'audit'])

export const Approval = z
  .object({
    id: z.string(),
    run_id: z.string(),
    session_id: z.string(),
    status: ApprovalStatus,
    source_type: z.enum(['agent', 'team', 'workflow']),
    approval_type: ApprovalType.nullable(),
    pause_type: z.string().nullable().describe('confirmation, user_input, user_feedback or external_execution.'),
    tool_name: z.string().nullable(),
    tool_args: JsonObject.nullable(),
    expires_at: EpochSeconds.nullable(),
    agent_id: z.string().nullable(),
    team_id: z.string().nullable(),
    workflow_id: z.string().nullable(),
    user_id: z.string().nullable().describe('Who asked for the run.'),
    schedule_id: z.string().nullable(),
    schedule_run_id: z.string().nullable(),
    source_name: z.string().nullable(),
    requirements: z.array(RunRequirement).nullable(),
    context: JsonObject.nullable(),
    resolution_data: JsonObject.nullable(),
    resolved_by: z.string().nullable(),
    resolved_at: EpochSeconds.nullable(),
    created_at: EpochSeconds.nullable(),
    updated_at: EpochSeconds.nullable(),
    run_status: RunStatus.nullable().describe('Whether the run has gone on since.'),
  })
  .meta({ id: 'Approval' })
export type Approval = z.infer<typeof Approval>

export const ApprovalPage = pageOf(Approval)

export const ApprovalListQuery = z.object({
  status: ApprovalStatus.optional(),
  source_type: z.string().optional(),
  approval_type: ApprovalType.optional(),
  pause_type: z.string().optional(),
  agent_id: z.string().optional(),
  team_id: z.string().optional(),
  workflow_id: z.string().optional(),
  user_id: z.string().optional(),
  schedule_id: z.string().optional(),
  run_id: z.string().optional(),
  limit: z.int().min(1).max(1000).default(100),
  page: z.int().min(0).max(1_000_000).default(1).describe('From 1; 0 is the first page too.'),
})
export type ApprovalListQuery = z.infer<typeof ApprovalListQuery>

export const ApprovalCountQuery = z.object({ user_id: z.string().optional() })
export const ApprovalCount = z.object({ count: z.int() })

export const ApprovalState = z
  .object({
    approval_id: z.string(),
    status: ApprovalStatus,
    run_id: z.string(),
    resolved_at: EpochSeconds.nullable(),
    resolved_by: z.string().nullable(),
  })
  .meta({ id: 'ApprovalState' })

export const ResolveApproval = z
  .object({
    status: z.enum(['approved', 'rejected']),
    resolved_by: Id.nullish().describe('Who decided; a name for the record.'),
    resolution_data: JsonObject.nullish().describe('What the tool is told: note, result, values.'),
  })
  .meta({ id: 'ResolveApproval' })
export type ResolveApproval = z.infer<typeof ResolveApproval>
