/**
 * Approvals: what waits for a decision, and deciding it. The run goes on with its next continue.
 * @module
 */
import {
  Approval,
  ApprovalCount,
  ApprovalCountQuery,
  ApprovalListQuery,
  ApprovalPage,
  ApprovalState,
  ResolveApproval,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import {
  type Approval as StoredApproval,
  type ApprovalFilter,
  countPending,
  deleteApproval,
  findApproval,
  listApprovals,
  resolveApproval,
} from '../../storage/runs/approvals.ts'
import { toApproval, toPauseKind } from '../agno/approval.ts'
import { toSeconds } from '../agno/time.ts'
import type { AppDeps } from '../deps.ts'
import { startPage } from '../page.ts'
import { jsonBody, route } from '../route.ts'

const tag = 'Approvals'
const ApprovalParams = z.object({ approval_id: z.string() })
const COMPONENTS = ['agent', 'team', 'workflow'] as const

export const getApprovals = route({
  method: 'GET',
  path: '/approvals',
  scope: 'approvals:read',
  tag,
  summary: 'List approvals, newest first, a page at a time',
  query: ApprovalListQuery,
  response: ApprovalPage,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ query, deps }) {
    const page = startPage(deps.clock, query)
    const filter = toFilter(query)
    if (filter === undefined) return page([], 0)
    const { approvals, total } = await listApprovals(deps.database.db, {
      ...filter,
      limit: query.limit,
      page: query.page,
    })
    return page(approvals.map(toApproval), total)
  },
})

export const getApprovalCount = route({
  method: 'GET',
  path: '/approvals/count',
  scope: 'approvals:read',
  tag,
  summary: 'How many approvals wait for a decision',
  query: ApprovalCountQuery,
  response: ApprovalCount,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ query, deps }) {
    return { count: await countPending(deps.database.db, { userId: query.user_id }) }
  },
})

export const getApproval = route({
  method: 'GET',
  path: '/approvals/{approval_id}',
  scope: 'approvals:read',
  tag,
  summary: 'Read one approval',
  params: ApprovalParams,
  response: Approval,
  errors: ['APPROVAL_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    return toApproval(await findOrFail(deps, params.approval_id))
  },
})

export const getApprovalStatus = route({
  method: 'GET',
  path: '/approvals/{approval_id}/status',
  scope: 'approvals:read',
  tag,
  summary: 'Whether an approval was decided, for clients that ask again and again',
  params: ApprovalParams,
  response: ApprovalState,
  errors: ['APPROVAL_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const { approvalId, status, runId, resolvedAt, resolvedBy } = await findOrFail(deps, params.approval_id)
    return {
      approval_id: approvalId,
      status,
      run_id: runId,
      resolved_at: toSeconds(resolvedAt),
      resolved_by: resolvedBy,
    }
  },
})

export const postApprovalResolution = route({
  method: 'POST',
  path: '/approvals/{approval_id}/resolve',
  scope: 'approvals:write',
  tag,
  summary: 'Approve or reject, once',
  params: ApprovalParams,
  body: jsonBody(ResolveApproval),
  response: Approval,
  errors: ['APPROVAL_NOT_FOUND', 'APPROVAL_RESOLVED', 'DATABASE_UNAVAILABLE'],
  async handle({ params, body, deps }) {
    const resolved = await resolveApproval(deps.database.db, params.approval_id, {
      status: body.status,
      resolvedBy: body.resolved_by ?? null,
      resolutionData: body.resolution_data ?? null,
    })
    if (resolved) return toApproval(resolved)
    const { status } = await findOrFail(deps, params.approval_id)
    throw new AgentOSError('APPROVAL_RESOLVED', `Approval is already '${status}' and cannot be resolved`)
  },
})

export const removeApproval = route({
  method: 'DELETE',
  path: '/approvals/{approval_id}',
  scope: 'approvals:delete',
  tag,
  summary: 'Delete the record of an approval that was decided',
  params: ApprovalParams,
  status: 204,
  errors: ['APPROVAL_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    if (await deleteApproval(deps.database.db, params.approval_id)) return undefined
    throw notFound()
  },
})

async function findOrFail(deps: AppDeps, approvalId: string): Promise<StoredApproval> {
  const approval = await findApproval(deps.database.db, approvalId)
  if (!approval) throw notFound()
  return approval
}

function notFound(): AgentOSError {
  return new AgentOSError('APPROVAL_NOT_FOUND', 'Approval not found')
}

/** @returns undefined when no approval can match: of another kind, of two components */
function toFilter(query: z.output<typeof ApprovalListQuery>): ApprovalFilter | undefined {
  const named = COMPONENTS.filter((type) => query[`${type}_id`] !== undefined)
  const asked = query.source_type === undefined ? named : [...named, query.source_type]
  const runType = COMPONENTS.find((type) => type === asked[0])
  const pauseKind = query.pause_type === undefined ? undefined : toPauseKind(query.pause_type)
  const isOne = asked.every((type) => type === runType)
  const isPause = query.pause_type === undefined || pauseKind !== undefined
  if (!isOne || !isPause) return undefined
  return {
    status: query.status,
    approvalType: query.approval_type,
    pauseKind,
    runType,
    componentId: runType && query[`${runType}_id`],
    userId: query.user_id,
    runId: query.run_id,
    scheduleId: query.schedule_id,
  }
}
