/**
 * A live run as a stream of Agno's events. All that happens in one tick is one write. For a client that does not keep up,
 * events are held back and neighbouring deltas become one; past its buffer it is cut, the others do not notice.
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { RunEvent } from '../base/run.ts'
import type { FeedEntry } from '../runs/feed.ts'
import type { LiveRun } from '../runs/runs.ts'
import { encodeEvent, EVENT_NAMES, type EventContext, toToolCallError } from './agno-events.ts'
import { createEventStream, formatFrame } from './sse.ts'

export type RunStreamOptions = {
  readonly heartbeatMs: number
  /** Bytes held back for a client that does not read. */
  readonly bufferBytes: number
  /** `stream_events=false`: only text, cancellation and errors. */
  readonly textOnly: boolean
  /** The stream is over, for whatever reason. */
  readonly onOver: () => void
}

export type RunStream = { readonly end: () => void; readonly cut: () => void }

/** An entry that waits; `json` is undefined where deltas were joined. */
type Waiting = {
  readonly index: number
  readonly event: RunEvent
  readonly json: string | undefined
  readonly bytes: number
}

/** What a frame costs beside its text: names, ids and keys of the event. */
const FRAME_BYTES = 400

/** Streams `live` to `response`, whose head is written already. */
export function streamRun(live: LiveRun, response: ServerResponse, options: RunStreamOptions): RunStream {
  const context: EventContext = {
    runId: live.runId,
    sessionId: live.sessionId,
    agentId: live.agent.id,
    agentName: live.agent.name,
  }
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let scheduled = false
  let cancelled = false
  let runEnded = false
  let serverEnded = false

  const stream = createEventStream(response, {
    heartbeatMs: options.heartbeatMs,
    onDrain: flush,
    onClosed: (complete) => {
      unsubscribe()
      waiting = []
      if (!complete && !serverEnded) live.disconnected()
      options.onOver()
    },
  })

  function isWanted(event: RunEvent): boolean {
    if (event.type === 'run-cancel') cancelled = true
    if (!options.textOnly) return true
    return (
      event.type === 'content' ||
      event.type === 'run-error' ||
      event.type === 'run-cancel' ||
      (cancelled && event.type === 'run-end')
    )
  }

  function take(entries: readonly FeedEntry[]): void {
    for (const { index, event, json } of entries) {
      if (!isWanted(event)) continue
      const last = waiting.at(-1)
      const joined = stream.flowing() ? undefined : join(last?.event, event)
      if (last && joined) {
        waiting[waiting.length - 1] = { index, event: joined, json: undefined, bytes: last.bytes + textBytes(event) }
        waitingBytes += textBytes(event)
      } else {
        const bytes = FRAME_BYTES + Buffer.byteLength(json)
        waiting.push({ index, event, json, bytes })
        waitingBytes += bytes
      }
    }
    if (!stream.flowing()) {
      if (waitingBytes > options.bufferBytes) stream.cut()
      return
    }
    if (!scheduled) {
      scheduled = true
      setImmediate(flush)
    }
  }

  function flush(): void {
    scheduled = false
    if (!stream.flowing()) return
    if (waiting.length === 0) stream.flushHeaders()
    else {
      const text = waiting.map((item) => toFrames(item, context)).join('')
      waiting = []
      waitingBytes = 0
      stream.write(text)
    }
    if (runEnded && waiting.length === 0) stream.end()
  }

  let unsubscribe = () => {}
  unsubscribe = live.feed.subscribe(-1, {
    onEntries: take,
    onEnd: () => {
      runEnded = true
      flush()
    },
  })
  if (!scheduled) {
    scheduled = true
    setImmediate(flush)
  }

  return {
    end: () => {
      serverEnded = true
      flush()
      stream.end()
    },
    cut: stream.cut,
  }
}

/** The frames of one index; only the last carries its id, so that resuming never loses the second. */
function toFrames({ index, event, json }: Waiting, context: EventContext): string {
  const line = json ?? encodeEvent(event, context)
  const name = EVENT_NAMES[event.type]
  if (event.type !== 'tool-end' || event.tool.isError !== true) return formatFrame(name, line, index)
  const follower = toToolCallError(event.at, context, event.tool)
  return formatFrame(name, line) + formatFrame(follower.event, JSON.stringify(follower), index)
}

/** Two deltas of the same kind as one; undefined when they are not. */
function join(first: RunEvent | undefined, second: RunEvent): RunEvent | undefined {
  if (first?.type === 'content' && second.type === 'content') return { ...first, text: first.text + second.text }
  if (first?.type === 'reasoning' && second.type === 'reasoning') return { ...first, text: first.text + second.text }
  return undefined
}

function textBytes(event: RunEvent): number {
  return event.type === 'content' || event.type === 'reasoning' ? Buffer.byteLength(event.text) : 0
}
