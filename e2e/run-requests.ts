/**
 * Requests about runs that tests send again and again: through the typed client, or plain where the answer may be a
 * refusal or its very bytes matter.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, type RunAddress, type RunInput } from '@agentos/wire/client'

/** A whole run, as the typed client reads it. */
export type Run = Awaited<ReturnType<Client['getRun']>>
export type Tool = NonNullable<Run['tools']>[number]

/** A run that a server has accepted. */
export type Accepted = RunAddress

/** Queues a run. @throws {ApiError} when it is not accepted */
export async function queueRun(
  url: string,
  agentId: string,
  input: RunInput,
  idempotencyKey?: string,
): Promise<Accepted> {
  const { run_id, session_id } = await createClient({ baseUrl: url }).enqueueRun(agentId, input, { idempotencyKey })
  return { agentId, runId: run_id, sessionId: session_id }
}

export function readRun(url: string, { agentId, runId, sessionId }: Accepted): Promise<Run> {
  return createClient({ baseUrl: url }).getRun(agentId, runId, sessionId)
}

export function cancelRun(url: string, { agentId, runId }: Accepted): Promise<void> {
  return createClient({ baseUrl: url }).cancelRun(agentId, runId)
}

/** Continues a run to its next rest. @throws {ApiError} when that is refused */
export function answerRun(url: string, run: Accepted, tools: readonly Partial<Tool>[]): Promise<Run> {
  return createClient({ baseUrl: url }).continueRun(run, { tools })
}

/** Continues a run, as Agno's clients do, whatever the answer. @param answers goes into `tools` */
export function continueRun(
  url: string,
  { agentId, runId, sessionId }: Accepted,
  answers: readonly Partial<Tool>[],
): Promise<Response> {
  const form = { session_id: sessionId, tools: JSON.stringify(answers), stream: 'false' }
  return fetch(`${url}/agents/${agentId}/runs/${runId}/continue`, { method: 'POST', body: new URLSearchParams(form) })
}

/** Joins the stream of a run again as Agno's clients do. @param lastIndex index of the last event that is known */
export function resumeRun(url: string, { agentId, runId, sessionId }: Accepted, lastIndex: number): Promise<Response> {
  const body = new URLSearchParams({ session_id: sessionId, last_event_index: String(lastIndex) })
  return fetch(`${url}/agents/${agentId}/runs/${runId}/resume`, { method: 'POST', body })
}

/** Joins the stream of a run again as an EventSource of a browser does. */
export function joinEvents(url: string, { agentId, runId }: Accepted, lastIndex: number): Promise<Response> {
  const headers = { 'last-event-id': String(lastIndex) }
  return fetch(`${url}/agents/${agentId}/runs/${runId}/events`, { headers: lastIndex < 0 ? {} : headers })
}

const AT_REST: readonly string[] = ['COMPLETED', 'ERROR', 'CANCELLED', 'PAUSED', 'REGENERATED']

/**
 * Asks until the run is at rest. Servers that do not answer, or cannot now, are asked again.
 * @param url of a replica that may be asked now; undefined when there is none
 * @throws {Error} after `timeoutMs` with the last that was heard
 */
export async function waitForRest(
  url: string | (() => string | undefined),
  run: Accepted,
  timeoutMs = 20_000,
): Promise<Run> {
  const deadline = performance.now() + timeoutMs
  let heard: unknown = 'nothing'
  while (performance.now() < deadline) {
    const target = typeof url === 'string' ? url : url()
    try {
      const found = target === undefined ? undefined : await readRun(target, run)
      if (found !== undefined && AT_REST.includes(found.status)) return found
      heard = found?.status
    } catch (error) {
      heard = error
    }
    await sleep(40)
  }
  throw new Error(`run ${run.runId} did not come to rest in ${timeoutMs} ms; heard last: ${String(heard)}`)
}
