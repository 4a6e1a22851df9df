/**
 * The run routes of the client: starting, going on, following, reading.
 * @module
 */
import { z } from 'zod'
import { createEventStreamParser } from './event-stream.ts'
import type { AgentEvent } from './event.ts'
import type { ContinueRequest } from './requirement.ts'
import { AcceptedRun, RunOutput, RunSchema, type RunRequest } from './run.ts'
import type { Call, Transport } from './transport.ts'

export type RunInput = Omit<z.input<typeof RunRequest>, 'stream' | 'background'>
export type ContinueInput = Omit<z.input<typeof ContinueRequest>, 'stream' | 'background' | 'session_id'>

/** A run, by what it takes to find it. */
export type RunAddress = { readonly agentId: string; readonly runId: string; readonly sessionId: string }

export type StartOptions = {
  readonly signal?: AbortSignal | undefined
  /** Of a request that may be sent again: 1 to 512 characters. */
  readonly idempotencyKey?: string | undefined
  /** Files to attach to the message, of any kind that the server takes. */
  readonly files?: readonly File[] | undefined
}

export type RunEventMessage = {
  /** The `id:` of the frame; resuming starts after it. */
  readonly id: string
  readonly event: AgentEvent
}

export function createRunClient({ ask, send }: Transport) {
  const runsPath = (agentId: string) => `/agents/${encodeURIComponent(agentId)}/runs`
  const runPath = (agentId: string, runId: string) => `${runsPath(agentId)}/${encodeURIComponent(runId)}`
  return {
    /** Runs to the end, or to a pause. A run that failed is returned too, with status ERROR. */
    run: (agentId: string, input: RunInput, options: StartOptions = {}) =>
      ask(RunOutput, runsPath(agentId), startCall({ ...input, stream: false }, options)),

    /** Runs and gives the events as they happen. Leaving the loop closes the stream. */
    streamRun: (agentId: string, input: RunInput, options: StartOptions = {}): AsyncGenerator<RunEventMessage> =>
      stream(runsPath(agentId), startCall({ ...input, stream: true }, options)),

    /** Puts a run into the queue. {@link resumeRun} follows it. */
    enqueueRun: (agentId: string, input: RunInput, options: StartOptions = {}) =>
      ask(AcceptedRun, runsPath(agentId), startCall({ ...input, background: true, stream: false }, options)),

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
      ask(z.array(RunSchema), runsPath(agentId), { query: { session_id: sessionId } }),
  }

  async function* stream(path: string, call: Call): AsyncGenerator<RunEventMessage> {
    const response = await send(path, call)
    if (response.body) yield* readEvents(response.body)
  }
}

function startCall(
  input: Readonly<Record<string, unknown>>,
  { signal, idempotencyKey, files = [] }: StartOptions,
): Call {
  const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
  const form = toForm(input)
  return { method: 'POST', form: files.length === 0 ? form : withFiles(form, files), headers, signal }
}

function withFiles(fields: URLSearchParams, files: readonly File[]): FormData {
  const form = new FormData()
  for (const [name, value] of fields) form.set(name, value)
  for (const file of files) form.append('files', file)
  return form
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
