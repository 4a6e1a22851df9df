/**
 * Sessions: lists, details, their runs, and what changes them.
 * @module
 */
import {
  CreateSessionRequest,
  DeleteSessionsRequest,
  MAX_PAGE_LIMIT,
  RenameSessionRequest,
  RunSchema,
  RunStatus,
  SessionCreateQuery,
  SessionDeleteQuery,
  SessionDetail,
  SessionListQuery,
  SessionPage,
  SessionQuery,
  SessionRunPreview,
  SessionRunsQuery,
  UpdateSessionRequest,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { findRun, listRunPreviews, listRuns, type RunQuery } from '../../storage/runs/runs.ts'
import {
  createSession,
  deleteSessions,
  findSession,
  listSessions,
  type Session,
  type SessionSort,
  updateSession,
} from '../../storage/sessions/sessions.ts'
import { SESSION_TABLE } from '../agno/agent.ts'
import { dropNulls, toRunPreview, toRunSchema } from '../agno/run.ts'
import { toSessionDetail, toSessionSchema } from '../agno/session.ts'
import type { AppDeps } from '../deps.ts'
import { startPage } from '../page.ts'
import { checkPlace } from '../place.ts'
import { jsonBody, route } from '../route.ts'
import { findAgent, loadTranscript, showRun, showRuns } from '../stored-run.ts'

const tag = 'Sessions'
const SessionParams = z.object({ id: z.string() })
const FAILURES = ['DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const
/** Of input and answer, as many as Agno shows. */
const PREVIEW_CHARACTERS = 280
const SORTS: readonly SessionSort[] = [
  'created_at',
  'updated_at',
  'session_name',
  'session_id',
  'user_id',
  'component_id',
]

export const getSessions = route({
  method: 'GET',
  path: '/sessions',
  scope: 'sessions:read',
  tag,
  summary: 'List sessions, a page at a time',
  query: SessionListQuery,
  response: SessionPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    checkPlace(query, SESSION_TABLE)
    const limit = Math.min(query.limit, MAX_PAGE_LIMIT)
    const page = startPage(deps.clock, { page: query.page, limit })
    const { sessions, total } = await listSessions(deps.database.db, {
      type: query.type,
      componentId: query.component_id,
      userId: query.user_id,
      name: query.session_name,
      limit,
      page: query.page,
      sortOrder: query.sort_order,
      sortBy: SORTS.find((sort) => sort === query.sort_by),
    })
    return page(sessions.map(toSessionSchema), total)
  },
})

export const postSession = route({
  method: 'POST',
  path: '/sessions',
  scope: 'sessions:write',
  tag,
  summary: 'Make an empty session',
  query: SessionCreateQuery,
  body: jsonBody(CreateSessionRequest, { optional: true }),
  status: 201,
  response: SessionDetail,
  errors: ['SESSION_EXISTS', ...FAILURES],
  async handle({ query, body, deps }) {
    checkPlace(query, SESSION_TABLE)
    const sessionId = body.session_id ?? deps.ids.uuid()
    const session = await createSession(deps.database.db, {
      sessionId,
      sessionType: query.type,
      componentId: body[`${query.type}_id`] ?? null,
      userId: body.user_id ?? null,
      sessionName: body.session_name ?? null,
      metadata: body.metadata ?? null,
      sessionState: body.session_state ?? {},
    })
    if (session) return dropNulls(toSessionDetail(session, [], undefined))
    const next = `Use PATCH /sessions/${sessionId} to update it.`
    throw new AgentOSError('SESSION_EXISTS', `Session with id '${sessionId}' already exists. ${next}`)
  },
})

export const deleteManySessions = route({
  method: 'DELETE',
  path: '/sessions',
  scope: 'sessions:delete',
  tag,
  summary: 'Delete several sessions with their runs; missing ones are fine',
  query: SessionDeleteQuery,
  body: jsonBody(DeleteSessionsRequest),
  status: 204,
  errors: ['INVALID_REQUEST', ...FAILURES],
  async handle({ query, body, deps }) {
    checkPlace(query, SESSION_TABLE)
    if (body.session_ids.length !== body.session_types.length) {
      throw new AgentOSError('INVALID_REQUEST', 'Session IDs and session types must have the same length')
    }
    await deleteSessions(deps.database.db, body.session_ids, { userId: query.user_id })
    return undefined
  },
})

export const getSession = route({
  method: 'GET',
  path: '/sessions/{id}',
  scope: 'sessions:read',
  tag,
  summary: 'Read one session with its chat history',
  params: SessionParams,
  query: SessionQuery,
  response: SessionDetail,
  errors: ['SESSION_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    checkPlace(query, SESSION_TABLE)
    const session = await findOrFail(deps, params.id, query.user_id)
    return dropNulls(await describeSession(deps, session))
  },
})

export const getSessionRuns = route({
  method: 'GET',
  path: '/sessions/{id}/runs',
  scope: 'sessions:read',
  tag,
  summary: 'List the runs of a session, oldest first',
  params: SessionParams,
  query: SessionRunsQuery,
  response: z.array(RunSchema),
  errors: ['INVALID_REQUEST', 'SESSION_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    checkPlace(query, SESSION_TABLE)
    const wanted = toRunQuery(query)
    const session = await findOrFail(deps, params.id, query.user_id)
    const runs = await listRuns(deps.database.db, session.sessionId, wanted)
    return (await showRuns(deps, session, runs)).map((run) => dropNulls(toRunSchema(run)))
  },
})

export const getSessionRunPreviews = route({
  method: 'GET',
  path: '/sessions/{id}/run-previews',
  scope: 'sessions:read',
  tag,
  summary: 'List the runs of a session in short, oldest first, for lists that are polled',
  params: SessionParams,
  query: SessionRunsQuery,
  response: z.array(SessionRunPreview),
  errors: ['INVALID_REQUEST', 'SESSION_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    checkPlace(query, SESSION_TABLE)
    const wanted = toRunQuery(query)
    const session = await findOrFail(deps, params.id, query.user_id)
    return (await listRunPreviews(deps.database.db, session.sessionId, wanted, PREVIEW_CHARACTERS)).map(toRunPreview)
  },
})

export const getSessionRun = route({
  method: 'GET',
  path: '/sessions/{id}/runs/{run_id}',
  scope: 'sessions:read',
  tag,
  summary: 'Read one run of a session',
  params: SessionParams.extend({ run_id: z.string() }),
  query: SessionQuery,
  response: RunSchema,
  errors: ['SESSION_NOT_FOUND', 'RUN_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    checkPlace(query, SESSION_TABLE)
    const session = await findOrFail(deps, params.id, query.user_id)
    const run = await findRun(deps.database.db, params.run_id)
    if (run?.sessionId !== session.sessionId) {
      throw new AgentOSError('RUN_NOT_FOUND', `Run with ID ${params.run_id} not found in session ${params.id}`)
    }
    return dropNulls(toRunSchema(await showRun(deps, session, run)))
  },
})

export const patchSession = route({
  method: 'PATCH',
  path: '/sessions/{id}',
  scope: 'sessions:write',
  tag,
  summary: 'Change a session; absent keys stay',
  params: SessionParams,
  query: SessionQuery,
  body: jsonBody(UpdateSessionRequest),
  response: SessionDetail,
  errors: ['SESSION_NOT_FOUND', ...FAILURES],
  async handle({ params, query, body, deps }) {
    checkPlace(query, SESSION_TABLE)
    const change = {
      // Clients send keys they do not mean to change as null.
      sessionName: body.session_name ?? undefined,
      sessionState: body.session_state ?? undefined,
      metadata: body.metadata ?? undefined,
      summary: body.summary ?? undefined,
    }
    const session = await updateSession(deps.database.db, params.id, change, { userId: query.user_id })
    if (!session) throw notFound(params.id)
    return describeSession(deps, session)
  },
})

export const renameSession = route({
  method: 'POST',
  path: '/sessions/{id}/rename',
  scope: 'sessions:write',
  tag,
  summary: 'Name a session',
  params: SessionParams,
  query: SessionQuery,
  body: jsonBody(RenameSessionRequest),
  response: SessionDetail,
  errors: ['SESSION_NOT_FOUND', ...FAILURES],
  async handle({ params, query, body, deps }) {
    checkPlace(query, SESSION_TABLE)
    const change = { sessionName: body.session_name }
    const session = await updateSession(deps.database.db, params.id, change, { userId: query.user_id })
    if (!session) throw notFound(params.id)
    return describeSession(deps, session)
  },
})

export const deleteSession = route({
  method: 'DELETE',
  path: '/sessions/{id}',
  scope: 'sessions:delete',
  tag,
  summary: 'Delete a session with its runs; a missing one is fine',
  params: SessionParams,
  query: SessionDeleteQuery,
  status: 204,
  errors: FAILURES,
  async handle({ params, query, deps }) {
    checkPlace(query, SESSION_TABLE)
    await deleteSessions(deps.database.db, [params.id], { userId: query.user_id })
    return undefined
  },
})

async function findOrFail(deps: AppDeps, sessionId: string, userId: string | undefined): Promise<Session> {
  const session = await findSession(deps.database.db, sessionId, { userId })
  if (!session) throw notFound(sessionId)
  return session
}

async function describeSession(deps: AppDeps, session: Session): Promise<SessionDetail> {
  const runs = await listRuns(deps.database.db, session.sessionId)
  const agent = runs.length > 0 ? findAgent(deps, session.componentId) : undefined
  return toSessionDetail(session, await loadTranscript(deps, runs), agent)
}

function notFound(sessionId: string): AgentOSError {
  return new AgentOSError('SESSION_NOT_FOUND', `Session with id '${sessionId}' not found`)
}

/** @throws {AgentOSError} INVALID_REQUEST for a status that there is not */
function toRunQuery(query: z.infer<typeof SessionRunsQuery>): RunQuery {
  return {
    statuses: query.status?.map(toStatus),
    createdAfter: toDate(query.created_after),
    createdBefore: toDate(query.created_before),
  }
}

function toStatus(word: string): RunStatus {
  const status = RunStatus.safeParse(word.toUpperCase())
  if (status.success) return status.data
  const known = RunStatus.options.join(', ')
  throw new AgentOSError('INVALID_REQUEST', `Invalid status value "${word}"; expected one of ${known}`)
}

function toDate(seconds: number | undefined): Date | undefined {
  return seconds === undefined ? undefined : new Date(seconds * 1000)
}
