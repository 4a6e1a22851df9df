/**
 * What clients send about runs beside starting them, over plain HTTP: queueing, continuing, joining again.
 * @module
 */
import { type Client, createClient } from '@agentos/wire/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { postRun } from './stream.ts'

/** A whole run, as the typed client reads it. */
export type Run = Awaited<ReturnType<Client['getRun']>>
export type Tool = NonNullable<Run['tools']>[number]

/** A run that a server has accepted. */
export type Accepted = { readonly agentId: string; readonly runId: string; readonly sessionId: string }

type Fields = Readonly<Record<string, string>>

/** Queues a run. @throws {Error} with the answer when it is not accepted */
export async function queueRun(url: string, agentId: string, fields: Fields, headers: Fields = {}): Promise<Accepted> {
  const response = await postRun(url, agentId, { background: 'true', stream: 'false', ...fields }, { headers })
  const body = await response.text()
  if (response.status !== 202) throw new Error(`status ${response.status}: ${body}`)
  const { run_id, session_id } = JSON.parse(body) as { run_id: string; session_id: string }
  return { agentId, runId: run_id, sessionId: session_id }
}

export function readRun(url: string, { agentId, runId, sessionId }: Accepted): Promise<Run> {
  return createClient({ baseUrl: url }).getRun(agentId, runId, sessionId)
}

export function cancelRun(url: string, { agentId, runId }: Accepted): Promise<void> {
  return createClient({ baseUrl: url }).cancelRun(agentId, runId)
}

/** Continues a run, as Agno's clients do. @param answers goes into `tools` */
export function continueRun(
  url: string,
  { agentId, runId, sessionId }: Accepted,
  answers: readonly Partial<Tool>[],
  fields: Fields = {},
): Promise<Response> {
  const form = { session_id: sessionId, tools: JSON.stringify(answers), stream: 'false', ...fields }
  return fetch(`${url}/agents/${agentId}/runs/${runId}/continue`, { method: 'POST', body: new URLSearchParams(form) })
}

/** Continues a run to its next rest. @throws {Error} with the answer when that is refused */
export async function answerRun(url: string, run: Accepted, answers: readonly Partial<Tool>[]): Promise<Run> {
  const response = await continueRun(url, run, answers)
  const body = await response.text()
  if (!response.ok) throw new Error(`status ${response.status}: ${body}`)
  return JSON.parse(body) as Run
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
