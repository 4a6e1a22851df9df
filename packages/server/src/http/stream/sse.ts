/**
 * One `text/event-stream` answer on a raw response: frames, heartbeats, and what to do with a client that stops reading.
 * Knows nothing of what it sends.
 *
 *   open -- write() took all --> open;  -- it did not --> stalled -- drain --> open
 *   open | stalled -- end() --> ending -- everything sent --> closed;  any -- client gone | cut() --> closed
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const

export type EventStreamOptions = {
  /** Milliseconds of silence before a comment. */
  readonly heartbeatMs: number
  /** Everything written so far has been taken: more may be written. */
  readonly onDrain: () => void
  /** @param complete whether the client got everything up to {@link EventStream.end} */
  readonly onClosed: (complete: boolean) => void
  /** The client was cut because it did not read. */
  readonly onCut?: (() => void) | undefined
}

export type EventStream = {
  /** @returns false when the client does not keep up: hold what follows back until `onDrain` */
  readonly write: (text: string) => boolean
  /** Whether the client keeps up. */
  readonly flowing: () => boolean
  /** Sends the headers where nothing else did. */
  readonly flushHeaders: () => void
  /** Ends the stream after what was written. */
  readonly end: () => void
  /** Closes the connection now, because the client does not read. */
  readonly cut: () => void
}

/** Heartbeats that a client may miss in a row before it is cut, so that a dead one is not kept for ever. */
const MAX_STALLED_BEATS = 8

/** One frame. `data` is one line; the id is what a client resumes after. */
export function formatFrame(event: string, data: string, id?: number): string {
  return id === undefined ? `event: ${event}\ndata: ${data}\n\n` : `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
}

/** @param response its head is written already */
export function createEventStream(response: ServerResponse, options: EventStreamOptions): EventStream {
  // A pipelined response has no socket of its own until the one before it is done; the request always has one.
  const socket: Socket = response.req.socket
  let stalled = false
  let stalledBeats = 0
  let ended = false
  let closed = false
  let isCut = false

  const beat = setTimeout(() => {
    if (!stalled && !ended) stalled = !response.write(': heartbeat\n\n')
    else if (++stalledBeats >= MAX_STALLED_BEATS) cut()
    beat.refresh()
  }, options.heartbeatMs)
  beat.unref()

  const onClose = () => {
    if (closed) return
    closed = true
    clearTimeout(beat)
    options.onClosed(ended && response.writableFinished)
  }
  // A client that left before the stream began is never told of again.
  if (socket.destroyed) setImmediate(onClose)
  response.once('finish', onClose)
  response.once('close', onClose)
  response.on('error', onClose)
  response.on('drain', () => {
    stalled = false
    stalledBeats = 0
    if (!closed && !ended) options.onDrain()
  })

  function cut(): void {
    if (!closed && !isCut) options.onCut?.()
    isCut = true
    socket.destroy()
  }

  function write(text: string): boolean {
    if (closed || ended) return true
    beat.refresh()
    stalled = !response.write(text)
    return !stalled
  }

  return {
    write,
    flowing: () => !stalled,
    flushHeaders: () => {
      if (!closed && !ended) response.flushHeaders()
    },
    end: () => {
      if (closed || ended) return
      ended = true
      response.end()
    },
    cut,
  }
}
