/**
 * The learning routes of the client.
 * @module
 */
import {
  type CreateLearningRequest,
  Learning,
  type LearningListQuery,
  LearningPage,
  LearningUserPage,
  type LearningUserQuery,
  type UpdateLearningRequest,
} from './learning.ts'
import type { Transport } from './transport.ts'

export function createLearningClient({ ask, send }: Transport) {
  const pathOf = (learningId: string) => `/learnings/${encodeURIComponent(learningId)}`
  return {
    list: (query: Partial<LearningListQuery> = {}) => ask(LearningPage, '/learnings', { query }),
    create: (learning: CreateLearningRequest) => ask(Learning, '/learnings', { method: 'POST', json: learning }),
    get: (learningId: string) => ask(Learning, pathOf(learningId)),
    update: (learningId: string, change: UpdateLearningRequest) =>
      ask(Learning, pathOf(learningId), { method: 'PATCH', json: change }),
    delete: async (learningId: string) => {
      await send(pathOf(learningId), { method: 'DELETE' })
    },
    users: (query: Partial<LearningUserQuery> = {}) => ask(LearningUserPage, '/learnings/users', { query }),
    deleteUser: async (userId: string, query: { readonly learning_type?: string } = {}) => {
      await send(`/learnings/users/${encodeURIComponent(userId)}`, { method: 'DELETE', query })
    },
  }
}
