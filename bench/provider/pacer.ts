/**
 * Sends the frames of all paced streams from one timer: each tick writes to each stream, in one write, what has fallen
 * due on its own schedule since its start. A late tick catches up, so the mean rate holds under load.
 * @module
 */
import type { ServerResponse } from 'node:http'

/** Milliseconds between ticks: the most a frame may be late on an idle machine. */
const TICK_MS = 4

type Paced = {
  readonly response: ServerResponse
  readonly frames: readonly Buffer[]
  readonly msPerFrame: number
  readonly pauseAt: number
  readonly pauseMs: number
  readonly done: () => void
  startedAt: number
  next: number
}

export type Pacer = {
  /**
   * Sends `frames` at one per `msPerFrame`, the first at once, then calls `done`. Before frame `pauseAt` it waits
   * `pauseMs` more. A response that closes is dropped without `done`.
   */
  readonly send: (
    response: ServerResponse,
    frames: readonly Buffer[],
    pace: { readonly msPerFrame: number; readonly pauseAt: number; readonly pauseMs: number },
    done: () => void,
  ) => void
  readonly close: () => void
}

export function createPacer(now: () => number): Pacer {
  const streams = new Set<Paced>()
  let timer: NodeJS.Timeout | undefined

  const tick = () => {
    const at = now()
    for (const stream of streams) advance(streams, stream, at)
    if (streams.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    send: (response, frames, pace, done) => {
      const stream: Paced = { response, frames, ...pace, done, startedAt: now(), next: 0 }
      streams.add(stream)
      response.once('close', () => streams.delete(stream))
      advance(streams, stream, stream.startedAt)
      timer ??= setInterval(tick, TICK_MS)
    },
    close: () => clearInterval(timer),
  }
}

function advance(streams: Set<Paced>, stream: Paced, at: number): void {
  const { frames, msPerFrame, pauseAt, pauseMs } = stream
  const elapsed = at - stream.startedAt
  const due = msPerFrame === 0 ? frames.length : Math.floor(elapsed / msPerFrame) + 1
  let end = Math.min(due, frames.length)
  if (pauseMs > 0 && end > pauseAt && elapsed < pauseAt * msPerFrame + pauseMs) end = Math.min(end, pauseAt)
  else if (pauseMs > 0 && end > pauseAt) {
    const later = msPerFrame === 0 ? frames.length : Math.floor((elapsed - pauseMs) / msPerFrame) + 1
    end = Math.min(Math.max(later, pauseAt + 1), frames.length)
  }
  if (end <= stream.next) return
  const only = frames[stream.next]
  const write = end - stream.next === 1 && only ? only : Buffer.concat(frames.slice(stream.next, end))
  stream.next = end
  stream.response.write(write)
  if (end < frames.length) return
  streams.delete(stream)
  stream.done()
}
