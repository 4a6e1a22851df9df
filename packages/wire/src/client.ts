/**
 * A typed client of the API over `fetch`, for browsers and servers. Answers are checked against the schemas; events are
 * handed on as they come, so that new kinds of events pass through an older client.
 * @module
 */
import { z } from 'zod'
import { AgentResponse } from './agent.ts'
import { ApiError } from './api-error.ts'
import { createApprovalClient } from './approval-client.ts'
import { createEventStreamParser } from './event-stream.ts'
import type { AgentEvent } from './event.ts'
import { createQueueClient } from './queue-client.ts'
import type { ContinueRequest } from './requirement.ts'
import { AcceptedRun, RunOutput, RunSchema, type RunRequest } from './run.ts'
import { Config, Health, Info, ModelEntry, Ready, Reload } from './server.ts'
import { createSessionClient } from './session-client.ts'
import { type Call, type ClientOptions, createTransport } from './transport.ts'

export { ApiError } from './api-error.ts'
export { createEventStreamParser, type EventStreamParser, type StreamFrame } from './event-stream.ts'
export type { AgentEvent, AgentEventOf } from './event.ts'
export type { ClientOptions } from './transport.ts'

export type RunInput = Omit<z.input<typeof RunRequest>, 'stream' | 'background'>
export type ContinueInput = Omit<z.input<typeof ContinueRequest>, 'stream' | 'background' | 'session_id'>

/** A run, by what it takes to find it. */
export type RunAddress = { readonly agentId: string; readonly runId: string; readonly sessionId: string }

export type StartOptions = {
  readonly signal?: AbortSignal | undefined
  /** Of a request that may be sent again: 1 to 512 characters. */
  readonly idempotencyKey?: string | undefined
}

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

    /** Runs to the end, or to a pause. A run that failed is returned too, with status ERROR. */
    run: (agentId: string, input: RunInput, options: StartOptions = {}) =>
      ask(RunOutput, `${agentPath(agentId)}/runs`, startCall({ ...input, stream: false }, options)),

    /** Runs and gives the events as they happen. Leaving the loop closes the stream. */
    streamRun: (agentId: string, input: RunInput, options: StartOptions = {}): AsyncGenerator<RunEventMessage> =>
      stream(`${agentPath(agentId)}/runs`, startCall({ ...input, stream: true }, options)),

    /** Puts a run into the queue. {@link resumeRun} follows it. */
    enqueueRun: (agentId: string, input: RunInput, options: StartOptions = {}) =>
      ask(AcceptedRun, `${agentPath(agentId)}/runs`, startCall({ ...input, background: true, stream: false }, options)),

    /** Goes on with a run, to its end or its next pause. */
    continueRun: ({ agentId, runId, sessionId }: RunAddress, input: ContinueInput, signal?: AbortSignal) =>
      ask(RunOutput, `${runPath(agentId, runId)}/continue`, {
        method: 'POST',
        form: toForm({ ...input, session_id: sessionId, stream: false }),
        signal,
      }),

    /** Goes on with a run and gives the events as they happen. */
    streamContinue: (
      { agentId, runId, sessionId }: RunAddress,
      input: ContinueInput,
      signal?: AbortSignal,
    ): AsyncGenerator<RunEventMessage> =>
      stream(`${runPath(agentId, runId)}/continue`, {
        method: 'POST',
        form: toForm({ ...input, session_id: sessionId, stream: true }),
        signal,
      }),

    /**
     * The events of a run after one of them, then what comes, until it has ended or paused. Works on any replica.
     * @param lastId the id of the last event that was seen; empty for all
     */
    resumeRun: (agentId: string, runId: string, lastId = '', signal?: AbortSignal): AsyncGenerator<RunEventMessage> =>
      stream(`${runPath(agentId, runId)}/events`, {
        ...(lastId !== '' && { headers: { 'last-event-id': lastId } }),
        signal,
      }),
    cancelRun: async (agentId: string, runId: string) => {
      await send(`${runPath(agentId, runId)}/cancel`, { method: 'POST' })
    },
    getRun: (agentId: string, runId: string, sessionId: string) =>
      ask(RunOutput, runPath(agentId, runId), { query: { session_id: sessionId } }),
    listRuns: (agentId: string, sessionId: string) =>
      ask(z.array(RunSchema), `${agentPath(agentId)}/runs`, { query: { session_id: sessionId } }),
    sessions: createSessionClient(transport),
    queue: createQueueClient(transport),
    approvals: createApprovalClient(transport),
  }

  async function* stream(path: string, call: Call): AsyncGenerator<RunEventMessage> {
    const response = await send(path, call)
    if (response.body) yield* readEvents(response.body)
  }
}

function startCall(input: Readonly<Record<string, unknown>>, { signal, idempotencyKey }: StartOptions): Call {
  const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
  return { method: 'POST', form: toForm(input), headers, signal }
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
