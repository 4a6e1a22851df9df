/**
 * A client that streams a run and, whenever its stream breaks, joins it again at another server until the run is at rest.
 * It sends the run with an Idempotency-Key, so that a start whose answer got lost is not started twice.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { resumeRun } from '../../e2e/run-requests.ts'
import { postRun } from '../../e2e/stream.ts'
import { createTranscript, isBroken, type Transcript } from '../../e2e/transcript.ts'

/** Between two tries, while no server takes the stream. */
const RETRY_MS = 50

export type Heard = {
  readonly transcript: Transcript
  /** Streams after the first one, each joined where the one before had broken. */
  readonly joins: number
  /** When each event came, by performance.now(), and on which stream: 0 is the first. */
  readonly arrivals: readonly { readonly at: number; readonly stream: number }[]
  /** Whether the stream came to the end of the run, or to a pause. */
  readonly ended: boolean
  /** Server that took the run. */
  readonly startedAt: string | undefined
}

export type ListenOptions = {
  readonly agentId: string
  readonly message: string
  /** No two runs may have the same. */
  readonly key: string
  /** A server to ask now; undefined when there is none. Called anew for each try. */
  readonly server: () => string | undefined
  /** Milliseconds after which the listener gives up. */
  readonly timeoutMs: number
}

/** Looks at itself while it listens: the answer of `progress()` grows. */
export type Listener = { readonly progress: () => Heard; readonly done: Promise<Heard> }

export function listen({ agentId, message, key, server, timeoutMs }: ListenOptions): Listener {
  const transcript = createTranscript(agentId)
  const arrivals: { at: number; stream: number }[] = []
  const deadline = performance.now() + timeoutMs
  let streams = 0
  let startedAt: string | undefined
  let seen = -1
  const progress = (): Heard => ({
    transcript,
    joins: Math.max(0, streams - 1),
    arrivals,
    ended: transcript.end() !== undefined,
    startedAt,
  })

  const open = async (url: string): Promise<Response> => {
    const run = transcript.run()
    if (run !== undefined) return resumeRun(url, run, transcript.lastIndex())
    startedAt = url
    return postRun(url, agentId, { message }, { headers: { 'idempotency-key': key } })
  }
  const tryOnce = async (): Promise<void> => {
    const url = server()
    if (url === undefined) return
    const response = await open(url)
    // A server that stops, or whose database is away, says so with 503.
    if (response.status === 503) return response.body?.cancel()
    const stream = streams++
    await transcript.read(response, () => {
      // Frames about the stream itself, and comments, are no news of the run.
      if (transcript.lastIndex() <= seen) return
      seen = transcript.lastIndex()
      arrivals.push({ at: performance.now(), stream })
    })
  }
  const listenToRest = async (): Promise<Heard> => {
    while (transcript.end() === undefined && performance.now() < deadline) {
      try {
        await tryOnce()
      } catch (error) {
        if (!isBroken(error)) throw error
      }
      if (transcript.end() === undefined) await sleep(RETRY_MS)
    }
    return progress()
  }
  return { progress, done: listenToRest() }
}
