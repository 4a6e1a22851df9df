/**
 * The approval routes of the client.
 * @module
 */
import { Approval, ApprovalCount, type ApprovalListQuery, ApprovalPage, type ResolveApproval } from './approval.ts'
import type { Transport } from './transport.ts'

export function createApprovalClient({ ask, send }: Transport) {
  const pathOf = (approvalId: string) => `/approvals/${encodeURIComponent(approvalId)}`
  return {
    list: (query: Partial<ApprovalListQuery> = {}) => ask(ApprovalPage, '/approvals', { query }),
    countPending: (userId?: string) => ask(ApprovalCount, '/approvals/count', { query: { user_id: userId } }),
    get: (approvalId: string) => ask(Approval, pathOf(approvalId)),
    resolve: (approvalId: string, resolution: ResolveApproval) =>
      ask(Approval, `${pathOf(approvalId)}/resolve`, { method: 'POST', json: resolution }),
    delete: async (approvalId: string) => {
      await send(pathOf(approvalId), { method: 'DELETE' })
    },
  }
}
