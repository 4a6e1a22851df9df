/**
 * Runs over plain HTTP, where a test has to see the very bytes; everything else goes through the typed client.
 * @module
 */
import { type AgentEvent, createEventStreamParser, type StreamFrame } from '@agentos/wire/client'

export type Frame = StreamFrame & { readonly json: AgentEvent }

/** Starts a run with a form, as Agno's clients do. */
export function postRun(
  url: string,
  agentId: string,
  fields: Readonly<Record<string, string>>,
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${url}/agents/${agentId}/runs`, { method: 'POST', body: new URLSearchParams(fields), ...init })
}

/** The frames of a stream as they come. Leaving the loop closes the connection. */
export async function* readFrames(response: Response): AsyncGenerator<Frame> {
  if (response.body === null) throw new Error(`no body with status ${response.status}`)
  const parser = createEventStreamParser()
  const decoder = new TextDecoder()
  for await (const bytes of response.body) {
    for (const frame of parser.push(decoder.decode(bytes, { stream: true })))
      yield { ...frame, json: JSON.parse(frame.data) as AgentEvent }
  }
}

/** All frames of a streamed run. */
export async function streamRun(
  url: string,
  agentId: string,
  fields: Readonly<Record<string, string>>,
  init: RequestInit = {},
): Promise<readonly Frame[]> {
  const response = await postRun(url, agentId, fields, init)
  if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`)
  return Array.fromAsync(readFrames(response))
}

/** The event called `name`. @throws {Error} naming the events there are when it is not among them */
export function eventOf<const Name extends AgentEvent['event']>(
  frames: readonly Frame[],
  name: Name,
): Extract<AgentEvent, { event: Name }> {
  const found = frames.find(({ json }) => json.event === name)
  if (found === undefined) throw new Error(`no ${name} among ${frames.map(({ event }) => event).join(', ')}`)
  // Found by this very name.
  return found.json as Extract<AgentEvent, { event: Name }>
}

/** The text that the stream carried, delta by delta. */
export function textOf(frames: readonly Frame[]): string {
  return frames.map(({ json }) => (json.event === 'RunContent' ? json.content : '')).join('')
}
