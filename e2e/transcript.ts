/**
 * A client that loses its connection and comes back: what it has been told of one run, without what was taken back.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { joinEvents, resumeRun, type Accepted } from './run-requests.ts'
import { type Frame, readFrames } from './stream.ts'

const ENDS: readonly string[] = ['RunCompleted', 'RunPaused', 'RunError']

export type Transcript = {
  /** The run, once its first event has come. */
  readonly run: () => Accepted | undefined
  /** Events that count, in order; those of a lost attempt are gone. */
  readonly frames: () => readonly Frame[]
  /** Their text, delta by delta. */
  readonly text: () => string
  /** Index of the last event that came; -1 before the first. */
  readonly lastIndex: () => number
  /** The event that ended the run or its part before a pause. */
  readonly end: () => Frame['json'] | undefined
  /** Attempts that were taken back. */
  readonly recoveries: () => number
  /** Events that came twice, or out of order. */
  readonly disorder: readonly string[]
  /** What came while the connections lasted, wherever it stopped. @returns whether the server ended it */
  readonly read: (response: Response, onFrame?: (frame: Frame) => unknown) => Promise<boolean>
}

export function createTranscript(agentId: string): Transcript {
  let run: Accepted | undefined
  let kept: { readonly index: number; readonly frame: Frame }[] = []
  let last = -1
  let recoveries = 0
  const disorder: string[] = []

  const take = (frame: Frame) => {
    const { json } = frame
    const index = indexOf(frame)
    if (index === undefined) return
    run ??= { agentId, runId: json.run_id, sessionId: json.session_id }
    if (index < last || (index === last && !sharesIndex(json)))
      disorder.push(`${json.event} ${index} after ${kept.at(-1)?.frame.json.event} ${last}`)
    last = Math.max(last, index)
    if (json.event === 'CustomEvent' && json.name === 'run_recovered') {
      recoveries++
      const { void_from_index: from, void_to_index: to } = json
      kept = kept.filter((entry) => entry.index < from || entry.index > to)
    }
    kept.push({ index, frame })
  }
  const frames = () => kept.map(({ frame }) => frame)
  return {
    run: () => run,
    frames,
    text: () => frames().reduce((text, { json }) => (json.event === 'RunContent' ? text + json.content : text), ''),
    lastIndex: () => last,
    end: () => {
      const json = kept.at(-1)?.frame.json
      return json !== undefined && ENDS.includes(json.event) ? json : undefined
    },
    recoveries: () => recoveries,
    disorder,
    read: async (response, onFrame = () => {}) => {
      if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`)
      try {
        for await (const frame of readFrames(response)) {
          take(frame)
          onFrame(frame)
        }
        return true
      } catch (error) {
        if (isBroken(error)) return false
        throw error
      }
    },
  }
}

/** Of a call that failed: ToolCallCompleted leaves its id to the ToolCallError behind it, and seems to have the one before. */
function sharesIndex(json: Frame['json']): boolean {
  if (json.event === 'ToolCallError') return true
  return json.event === 'ToolCallCompleted' && json.tool?.tool_call_error === true
}

/** Frames that `/resume` adds are about the stream, not of the run. */
const ABOUT_STREAM: readonly string[] = ['catch_up', 'subscribed', 'replay', 'error']

function indexOf({ id, event, json }: Frame): number | undefined {
  if (ABOUT_STREAM.includes(event)) return undefined
  const index = (json as { event_index?: unknown }).event_index
  if (typeof index === 'number') return index
  return id === '' ? undefined : Number(id)
}

/** Whether the server went away in the middle of an answer, or did not take the connection. */
export function isBroken(error: unknown): boolean {
  return error instanceof TypeError && (error.message === 'terminated' || error.message === 'fetch failed')
}

/**
 * Joins again and again, at whichever replica there is, until the run is at rest.
 * @param url of a replica that may be asked now; undefined when there is none
 * @param how Agno's way, or a browser's
 * @returns how often it had to join
 * @throws {Error} after `timeoutMs`
 */
export async function followToRest(
  transcript: Transcript,
  url: () => string | undefined,
  { how = 'resume', timeoutMs = 30_000 }: { how?: 'resume' | 'events'; timeoutMs?: number } = {},
): Promise<number> {
  const deadline = performance.now() + timeoutMs
  const run = transcript.run()
  if (run === undefined) throw new Error('a run without events cannot be followed')
  for (let joins = 0; ; joins++) {
    if (transcript.end() !== undefined) return joins
    if (performance.now() > deadline) throw new Error(`run ${run.runId} did not come to rest in ${timeoutMs} ms`)
    const target = url()
    try {
      const join = how === 'resume' ? resumeRun : joinEvents
      const response = target === undefined ? undefined : await join(target, run, transcript.lastIndex())
      // A replica that stops, or whose database is away, says so with 503.
      if (response?.ok === true) await transcript.read(response)
      else if (response !== undefined && response.status !== 503)
        throw new Error(`status ${response.status}: ${await response.text()}`)
    } catch (error) {
      if (!isBroken(error)) throw error
    }
    if (transcript.end() === undefined) await sleep(50)
  }
}
