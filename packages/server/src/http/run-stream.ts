/**
 * A live run as a stream of Agno's events. All that happens in one tick is one write. What a client does not take is held
 * back for it; past its buffer it is cut, and the others do not notice.
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../base/clock.ts'
import type { RunEvent } from '../base/run.ts'
import type { LiveRun } from '../runs/runs.ts'
import { createBacklog } from './backlog.ts'
import type { OpenStream } from './open-streams.ts'
import { createEventStream } from './sse.ts'

export type RunStreamOptions = {
  readonly clock: Clock
  readonly heartbeatMs: number
  /** Bytes held back for a client that does not read. */
  readonly bufferBytes: number
  /** `stream_events=false`: only text, cancellation and errors. */
  readonly textOnly: boolean
  /** The stream is over, for whatever reason. */
  readonly onOver: () => void
}

/**
 * Least milliseconds between two writes to one client. A write to a socket costs more than all else that is done for a
 * token, and nobody sees the difference; the first event and the end of a run never wait.
 */
const WRITE_GAP_MS = 4

/**
 * Streams `live` to `response`, whose head is written already.
 * @returns what the server uses when it closes: ending sends what was written, and the run does not count as abandoned
 */
export function streamRun(live: LiveRun, response: ServerResponse, options: RunStreamOptions): OpenStream {
  const { runId, sessionId, agent } = live
  const backlog = createBacklog({ runId, sessionId, agentId: agent.id, agentName: agent.name })
  const isWanted = options.textOnly ? createTextFilter() : () => true
  let wake = () => {}
  let scheduled = false
  let writtenAt = -Infinity
  let runEnded = false
  let serverEnded = false
  let unsubscribe = () => {}

  const stream = createEventStream(response, {
    heartbeatMs: options.heartbeatMs,
    onDrain: flush,
    onClosed(complete) {
      unsubscribe()
      if (!complete && !serverEnded) live.disconnected()
      options.onOver()
    },
  })

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    const waitMs = runEnded ? 0 : writtenAt + WRITE_GAP_MS - options.clock.monotonic()
    if (waitMs <= 0) setImmediate(flush)
    else {
      const timer = setTimeout(flush, waitMs)
      wake = () => clearTimeout(timer)
    }
  }

  function flush(): void {
    scheduled = false
    writtenAt = options.clock.monotonic()
    if (!stream.flowing()) return
    const text = backlog.take()
    if (text === '') stream.flushHeaders()
    else stream.write(text)
    if (runEnded) stream.end()
  }

  schedule()
  unsubscribe = live.feed.subscribe(-1, {
    onEntries(entries) {
      const flowing = stream.flowing()
      for (const entry of entries) if (isWanted(entry.event)) backlog.add(entry, !flowing)
      if (flowing) schedule()
      else if (backlog.bytes() > options.bufferBytes) stream.cut()
    },
    onEnd() {
      runEnded = true
      wake()
      scheduled = false
      schedule()
    },
  })

  return {
    end() {
      serverEnded = true
      flush()
      stream.end()
    },
    cut: stream.cut,
  }
}

/** Lets text, cancellation (with the end that follows it) and errors through. */
function createTextFilter(): (event: RunEvent) => boolean {
  let cancelled = false
  return ({ type }) => {
    cancelled ||= type === 'run-cancel'
    return type === 'content' || type === 'run-error' || type === 'run-cancel' || (cancelled && type === 'run-end')
  }
}
