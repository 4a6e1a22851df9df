/**
 * A run as a stream of Agno's events: what its client has missed, then what comes. All that happens in one tick is one
 * write. What a client does not take is held back for it; past its buffer it is cut, and the others do not notice.
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Entry, Following } from '../../runs/runs.ts'
import { createBacklog } from './backlog.ts'
import { nameOfEntry } from './event-frames.ts'
import type { OpenStream } from './open-streams.ts'
import { createEventStream } from './sse.ts'

export type RunStreamOptions = {
  readonly clock: Clock
  readonly heartbeatMs: number
  /** Bytes held back for a client that does not read, beside those that it has missed. */
  readonly bufferBytes: number
  /** `stream_events=false`: only text, pauses, cancellation and errors. */
  readonly textOnly: boolean
  /** Whether events carry `event_index`. */
  readonly withIndex: boolean
  /** Frames before everything else. */
  readonly opening?: string
  /** Frames between what was missed and what comes. */
  readonly subscribed?: string
  /** The client went away before the end. */
  readonly onLeft: () => void
  /** The client was cut because it did not read. */
  readonly onCut?: (() => void) | undefined
  /** The stream is over, for whatever reason. */
  readonly onOver: () => void
}

/**
 * Least milliseconds between two writes to one client. A write to a socket costs more than all else that is done for a
 * token, and nobody sees the difference; the first event and the end of a run never wait.
 */
const WRITE_GAP_MS = 4

/** Most bytes of one write, so that a long history is not in memory once more for each client that reads it slowly. */
const WRITE_BYTES = 256 * 1024

/**
 * Streams a run to `response`, whose head is written already. To be called in the tick that got `run`.
 * @returns what the server uses when it closes: ending sends what was written, and the client does not count as gone
 */
export function streamRun(
  run: Pick<Following, 'missed' | 'subscribe'>,
  response: ServerResponse,
  options: RunStreamOptions,
): OpenStream {
  const backlog = createBacklog(options.withIndex)
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
    onCut: options.onCut,
    onClosed(complete) {
      wake()
      unsubscribe()
      if (!complete && !serverEnded) options.onLeft()
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
    let text = backlog.take(WRITE_BYTES)
    if (text === '') stream.flushHeaders()
    while (text !== '') text = stream.write(text) ? backlog.take(WRITE_BYTES) : ''
    if (runEnded && backlog.bytes() === 0) stream.end()
  }

  function take(entries: readonly Entry[], joining: boolean): void {
    for (const entry of entries) if (isWanted(nameOfEntry(entry))) backlog.add(entry, joining)
  }

  schedule()
  if (options.opening !== undefined) backlog.addFrame(options.opening)
  take(run.missed, false)
  if (options.subscribed !== undefined) backlog.addFrame(options.subscribed)
  const missedBytes = backlog.bytes()
  unsubscribe = run.subscribe({
    onEntries(entries) {
      const flowing = stream.flowing()
      take(entries, !flowing)
      if (flowing) schedule()
      else if (backlog.bytes() > options.bufferBytes + missedBytes) stream.cut()
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
      stream.write(backlog.take(Infinity))
      stream.end()
    },
    cut: stream.cut,
  }
}

/** Lets text, pauses, cancellation (with the end that follows it), errors and what makes text void through. */
function createTextFilter(): (name: string) => boolean {
  let cancelled = false
  return (name) => {
    cancelled ||= name === 'RunCancelled'
    return TEXT_EVENTS.includes(name) || (cancelled && name === 'RunCompleted')
  }
}

const TEXT_EVENTS = ['RunContent', 'RunPaused', 'RunCancelled', 'RunError', 'CustomEvent']
