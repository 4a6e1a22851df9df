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
import { RunOutput, RunSchema, type RunRequest } from './run.ts'
import { Config, Health, Info, ModelEntry, Ready, Reload } from './server.ts'
import { createSessionClient } from './session-client.ts'
import { type ClientOptions, createTransport } from './transport.ts'

export { ApiError } from './api-error.ts'
export { createEventStreamParser, type EventStreamParser, type StreamFrame } from './event-stream.ts'
export type { AgentEvent, AgentEventOf } from './event.ts'
export type { ClientOptions } from './transport.ts'

export type RunInput = Omit<z.input<typeof RunRequest>, 'stream'>

export type RunEventMessage = {
  /** The `id:` of the frame; resuming starts after it. */
  readonly id: string
  readonly event: AgentEvent
}

export type Client = ReturnType<typeof createClient>

export function createClient(options: ClientOptions) {
  const transport = createTransport(options)
  const { ask, send } = transport
  const agentPath = (agentId: string) => `/agents/${encodeURIComponent(agentId)}`
  const runPath = (agentId: string, runId: string) => `${agentPath(agentId)}/runs/${encodeURIComponent(runId)}`
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
    sessions: createSessionClient(transport),
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
