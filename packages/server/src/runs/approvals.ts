/**
 * Approvals as answers: what a person with the right to allow a tool call decided takes the place of an answer to the
 * paused run, and an answer by such a person resolves the approval.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { isJsonObject, type JsonObject } from '../base/json.ts'
import type { Requirement, RequirementAnswer } from '../base/requirement.ts'
import type { Approval } from '../storage/runs/approvals.ts'
import type { ApprovalAnswer } from '../storage/runs/new-approval.ts'
import type { SentAnswer } from './answers.ts'

/**
 * @param mayApprove whether the caller may resolve approvals
 * @returns the answers with those of resolved approvals in place of what the caller sent
 * @throws {AgentOSError} APPROVAL_PENDING when an approval waits and the caller may not give it, or gave no answer
 */
export function answerByApprovals(
  requirements: readonly Requirement[],
  approvals: readonly Approval[],
  sent: readonly SentAnswer[],
  mayApprove: boolean,
): SentAnswer[] {
  const byId = new Map(approvals.map((approval) => [approval.approvalId, approval]))
  const decided: SentAnswer[] = []
  for (const requirement of requirements) {
    if (requirement.answer !== null || requirement.approval !== 'required') continue
    const approval = byId.get(requirement.approvalId ?? '')
    const given = sent.find(({ toolCallId }) => toolCallId === requirement.toolCallId)
    if (approval?.status === 'approved' || approval?.status === 'rejected')
      decided.push(toAnswer(requirement, approval, given))
    else if (!mayApprove || given === undefined) {
      // The words are Agno's.
      throw new AgentOSError('APPROVAL_PENDING', 'This run requires admin approval before it can be continued')
    }
  }
  const ids = new Set(decided.map(({ toolCallId }) => toolCallId))
  return [...sent.filter(({ toolCallId }) => !ids.has(toolCallId)), ...decided]
}

/** What the answers decide about approvals that still wait. */
export function resolutionsOf(
  answered: readonly Requirement[],
  approvals: readonly Approval[],
  resolvedBy: string | null,
): ApprovalAnswer[] {
  const waiting = new Set(approvals.filter(({ status }) => status === 'pending').map(({ approvalId }) => approvalId))
  return answered.flatMap(({ approvalId, answer }) => {
    if (approvalId === null || answer === null || !waiting.has(approvalId)) return []
    const status = answer.confirmed === false ? 'rejected' : 'approved'
    return [{ approvalId, status, resolvedBy, resolutionData: resolutionDataOf(answer) }]
  })
}

function toAnswer({ toolCallId }: Requirement, approval: Approval, given: SentAnswer | undefined): SentAnswer {
  const data = approval.resolutionData ?? {}
  const approved = approval.status === 'approved'
  const { values, result, note } = data
  return {
    toolCallId,
    confirmed: approved,
    note: typeof note === 'string' ? note : (given?.note ?? null),
    values: isJsonObject(values ?? null) ? (values as JsonObject) : (given?.values ?? null),
    selections: given?.selections ?? null,
    result: typeof result === 'string' ? result : (given?.result ?? null),
  }
}

function resolutionDataOf({ note, values, result }: RequirementAnswer): JsonObject | null {
  const data = {
    ...(note !== null && { note }),
    ...(values !== null && { values }),
    ...(result !== null && { result }),
  }
  return Object.keys(data).length === 0 ? null : data
}
