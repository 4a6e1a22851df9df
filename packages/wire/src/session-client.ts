/**
 * The session routes of the client.
 * @module
 */
import { z } from 'zod'
import { RunSchema, SessionRunPreview } from './run.ts'
import {
  type CreateSessionRequest,
  type DeleteSessionsRequest,
  SessionDetail,
  type SessionListQuery,
  SessionPage,
  type SessionRunsQuery,
  type SessionType,
  type UpdateSessionRequest,
} from './session.ts'
import type { Transport } from './transport.ts'

/** Which runs of a session; times in seconds since the epoch, both inclusive. */
export type SessionRunsFilter = Pick<SessionRunsQuery, 'user_id' | 'created_after' | 'created_before' | 'status'>

export function createSessionClient({ ask, send }: Transport) {
  const pathOf = (sessionId: string) => `/sessions/${encodeURIComponent(sessionId)}`
  return {
    list: (query: Partial<SessionListQuery> = {}) => ask(SessionPage, '/sessions', { query }),
    create: (session: CreateSessionRequest = {}, type: SessionType = 'agent') =>
      ask(SessionDetail, '/sessions', { method: 'POST', query: { type }, json: session }),
    get: (sessionId: string) => ask(SessionDetail, pathOf(sessionId)),
    runs: (sessionId: string, query: SessionRunsFilter = {}) =>
      ask(z.array(RunSchema), `${pathOf(sessionId)}/runs`, { query }),
    /** The same runs in short, for lists that are polled. */
    runPreviews: (sessionId: string, query: SessionRunsFilter = {}) =>
      ask(z.array(SessionRunPreview), `${pathOf(sessionId)}/run-previews`, { query }),
    getRun: (sessionId: string, runId: string) =>
      ask(RunSchema, `${pathOf(sessionId)}/runs/${encodeURIComponent(runId)}`),
    /** The bytes of what is attached to a message of it; `key` is the `storage_key` of its reference. */
    media: async (sessionId: string, key: string) =>
      new Uint8Array(await (await send(`${pathOf(sessionId)}/media/${encodeURIComponent(key)}`, {})).arrayBuffer()),
    update: (sessionId: string, change: UpdateSessionRequest) =>
      ask(SessionDetail, pathOf(sessionId), { method: 'PATCH', json: change }),
    rename: (sessionId: string, name: string) =>
      ask(SessionDetail, `${pathOf(sessionId)}/rename`, { method: 'POST', json: { session_name: name } }),
    delete: async (sessionId: string) => {
      await send(pathOf(sessionId), { method: 'DELETE' })
    },
    deleteMany: async (sessions: DeleteSessionsRequest) => {
      await send('/sessions', { method: 'DELETE', json: sessions })
    },
  }
}
