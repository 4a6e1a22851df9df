/**
 * A typed client of the API over `fetch`, for browsers and servers. Answers are checked against the schemas; events are
 * handed on as they come, so that new kinds of events pass through an older client.
 * @module
 */
import { z } from 'zod'
import { AgentResponse } from './agent.ts'
import { ApiError } from './api-error.ts'
import { createEventStreamParser } from './event-stream.ts'
import type { AgentEvent } from './event.ts'
import { RunOutput, RunRequest, RunSchema } from './run.ts'
import { Config, Health, Info, ModelEntry, Ready, Reload } from './server.ts'
import {
  type CreateSessionRequest,
  type DeleteSessionsRequest,
  SessionDetail,
  type SessionListQuery,
  SessionPage,
  type SessionType,
  type UpdateSessionRequest,
} from './session.ts'

export type { AgentEvent, AgentEventOf } from './event.ts'
export { ApiError } from './api-error.ts'
export { createEventStreamParser, type EventStreamParser, type StreamFrame } from './event-stream.ts'

export type ClientOptions = {
  /** For example `http://localhost:8000`, with or without a path prefix. */
  readonly baseUrl: string
  /** The security key of the server. */
  readonly key?: string | undefined
  readonly fetch?: typeof fetch
}

export type RunInput = Omit<z.input<typeof RunRequest>, 'stream'>
export type RunEventMessage = {
  /** The `id:` of the frame; resuming starts after it. */
  readonly id: string
  readonly event: AgentEvent
}
type Query = Readonly<Record<string, string | number | undefined>>
type Call = {
  readonly method?: string
  readonly query?: Query
  readonly json?: unknown
  readonly form?: URLSearchParams
  readonly signal?: AbortSignal | undefined
}

export type Client = ReturnType<typeof createClient>

export function createClient({ baseUrl, key, fetch: fetchGiven = fetch }: ClientOptions) {
  const root = baseUrl.replace(/\/+$/, '')

  async function send(path: string, { method = 'GET', query = {}, json, form, signal }: Call): Promise<Response> {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
    const url = `${root}${path}${search.size > 0 ? `?${search}` : ''}`
    const headers = new Headers(key === undefined ? {} : { authorization: `Bearer ${key}` })
    if (json !== undefined) headers.set('content-type', 'application/json')
    const body = form ?? (json === undefined ? null : JSON.stringify(json))
    const response = await fetchGiven(url, { method, headers, body, signal: signal ?? null })
    if (!response.ok) throw new ApiError(response.status, await readJson(response), requestIdOf(response))
    return response
  }

  async function ask<T extends z.ZodType>(schema: T, path: string, call: Call = {}): Promise<z.output<T>> {
    const response = await send(path, call)
    return schema.parse(await response.json())
  }

  const agentPath = (agentId: string) => `/agents/${encodeURIComponent(agentId)}`
  const runPath = (agentId: string, runId: string) => `${agentPath(agentId)}/runs/${encodeURIComponent(runId)}`
  const sessionPath = (sessionId: string) => `/sessions/${encodeURIComponent(sessionId)}`

  return {
    health: () => ask(Health, '/health'),
    /** @returns also when it is not ready, which is a 503 */
    ready: async () => {
      try {
        return await ask(Ready, '/health/ready')
      } catch (error) {
        const state = error instanceof ApiError && error.status === 503 ? Ready.safeParse(error.body).data : undefined
        if (state) return state
        throw error
      }
    },
    info: () => ask(Info, '/info'),
    config: () => ask(Config, '/config'),
    models: () => ask(z.array(ModelEntry), '/models'),
    reload: () => ask(Reload, '/admin/reload', { method: 'POST' }),
    agents: () => ask(z.array(AgentResponse), '/agents'),
    agent: (agentId: string) => ask(AgentResponse, agentPath(agentId)),

    /** Runs to the end. A run that failed is returned too, with status ERROR. */
    run: (agentId: string, input: RunInput, signal?: AbortSignal) =>
      ask(RunOutput, `${agentPath(agentId)}/runs`, {
        method: 'POST',
        form: toForm({ ...input, stream: false }),
        signal,
      }),

    /** Runs and gives the events as they happen. Leaving the loop closes the stream. */
    streamRun: async function* (
      agentId: string,
      input: RunInput,
      signal?: AbortSignal,
    ): AsyncGenerator<RunEventMessage> {
      const form = toForm({ ...input, stream: true })
      const response = await send(`${agentPath(agentId)}/runs`, { method: 'POST', form, signal })
      if (response.body) yield* readEvents(response.body)
    },
    cancelRun: async (agentId: string, runId: string) => {
      await send(`${runPath(agentId, runId)}/cancel`, { method: 'POST' })
    },
    getRun: (agentId: string, runId: string, sessionId: string) =>
      ask(RunOutput, runPath(agentId, runId), { query: { session_id: sessionId } }),
    listRuns: (agentId: string, sessionId: string) =>
      ask(z.array(RunSchema), `${agentPath(agentId)}/runs`, { query: { session_id: sessionId } }),

    sessions: {
      list: (query: Partial<SessionListQuery> = {}) => ask(SessionPage, '/sessions', { query }),
      create: (session: CreateSessionRequest = {}, type: SessionType = 'agent') =>
        ask(SessionDetail, '/sessions', { method: 'POST', query: { type }, json: session }),
      get: (sessionId: string) => ask(SessionDetail, sessionPath(sessionId)),
      runs: (sessionId: string) => ask(z.array(RunSchema), `${sessionPath(sessionId)}/runs`),
      getRun: (sessionId: string, runId: string) =>
        ask(RunSchema, `${sessionPath(sessionId)}/runs/${encodeURIComponent(runId)}`),
      update: (sessionId: string, change: UpdateSessionRequest) =>
        ask(SessionDetail, sessionPath(sessionId), { method: 'PATCH', json: change }),
      rename: (sessionId: string, name: string) =>
        ask(SessionDetail, `${sessionPath(sessionId)}/rename`, { method: 'POST', json: { session_name: name } }),
      delete: async (sessionId: string) => {
        await send(sessionPath(sessionId), { method: 'DELETE' })
      },
      deleteMany: async (sessions: DeleteSessionsRequest) => {
        await send('/sessions', { method: 'DELETE', json: sessions })
      },
    },
  }
}

/** Form of a run: objects and lists as JSON text, absent values left out. */
function toForm(input: Readonly<Record<string, unknown>>): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined || value === null) continue
    form.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return form
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<RunEventMessage> {
  const parser = createEventStreamParser()
  const decoder = new TextDecoder()
  for await (const bytes of body) {
    for (const frame of parser.push(decoder.decode(bytes, { stream: true }))) {
      // The server's own frames; a schema check of every token would cost more than the token.
      yield { id: frame.id, event: JSON.parse(frame.data) as AgentEvent }
    }
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (error) {
    // A proxy's page, not the server's answer: the status has to do.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function requestIdOf(response: Response): string | undefined {
  return response.headers.get('x-request-id') ?? undefined
}
