/**
 * Clients of a Service who stream runs, queue runs and read lists, over and over, while its pods are replaced: what they
 * noticed. A stream that breaks is joined again where it stopped; a run whose start got no answer is started again with the
 * same key.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '@agentos/wire/client'
import { type Accepted, joinEvents, queueRun } from '../run-requests.ts'
import { fake } from '../script.ts'
import { postRun } from '../stream.ts'
import { createTranscript, isBroken } from '../transcript.ts'

const STREAMS = 8
const QUEUERS = 2
const READERS = 2
/** Clients, each of which has one connection at most. */
export const CLIENTS = STREAMS + QUEUERS + READERS
const PAUSE_MS = 50
/** Longest that anything may take. */
const TIMEOUT_MS = 90_000
const RATE = 20

export type Report = {
  /** Requests that read, and those of them that did not get their answer. */
  readonly reads: number
  readonly failedReads: readonly string[]
  /** Starts of streams and of queued runs, every try. */
  readonly starts: number
  readonly failedStarts: readonly string[]
  /** Starts that a pod on its way out refused, and the most that one client had to repeat one. */
  readonly refusedStarts: number
  readonly mostRefusals: number
  readonly streams: number
  /** Streams that did not come to the end of their run. */
  readonly unfinished: number
  /** Streams that broke and were joined again, and how often. */
  readonly resumed: number
  readonly joins: number
  readonly recoveries: number
  readonly disorder: readonly string[]
  readonly accepted: readonly Accepted[]
  /** Longest time that a reader waited for an answer, in milliseconds. */
  readonly slowestReadMs: number
}

export type Traffic = {
  /** Lets what is under way end. */
  readonly stop: () => Promise<Report>
}

type Tally = {
  reads: number
  failedReads: string[]
  starts: number
  failedStarts: string[]
  refusedStarts: number
  mostRefusals: number
  streams: number
  unfinished: number
  resumed: number
  joins: number
  recoveries: number
  disorder: string[]
  accepted: Accepted[]
  slowestReadMs: number
}

/** @param name begins the keys of the runs: no two traffics may have the same */
export function startTraffic(url: string, name: string): Traffic {
  const tally: Tally = {
    reads: 0,
    failedReads: [],
    starts: 0,
    failedStarts: [],
    refusedStarts: 0,
    mostRefusals: 0,
    streams: 0,
    unfinished: 0,
    resumed: 0,
    joins: 0,
    recoveries: 0,
    disorder: [],
    accepted: [],
    slowestReadMs: 0,
  }
  let running = true
  const repeat = async (client: string, act: (key: string) => Promise<void>) => {
    for (let turn = 0; running; turn++) await act(`${name}-${client}-${turn}`)
  }
  const each = (count: number, kind: string, act: (key: string, index: number) => Promise<void>) =>
    Array.from({ length: count }, (_, index) => repeat(`${kind}${index}`, (key) => act(key, index)))
  const clients = [
    ...each(STREAMS, 'stream', (key, index) => streamOnce(url, key, index, tally)),
    ...each(QUEUERS, 'queue', (key) => queueOnce(url, key, tally)),
    ...each(READERS, 'read', () => readOnce(url, tally)),
  ]
  return {
    stop: async () => {
      running = false
      await Promise.all(clients)
      return tally
    },
  }
}

/** Shorter than a pod's end, or longer; with tools, whose effects are counted, or without. */
function scriptOf(key: string, index: number): { agentId: string; message: string } {
  const long = index % 4 === 3
  if (index % 2 === 0) {
    const script = { id: key, tool: 'once', calls: long ? 40 : 8, args: { id: `${key}.$call` }, first: 200, tokens: 4 }
    return { agentId: 'desk', message: fake(script) }
  }
  return { agentId: 'plain', message: fake({ id: key, tokens: RATE * (long ? 20 : 5), rate: RATE }) }
}

async function streamOnce(url: string, key: string, index: number, tally: Tally): Promise<void> {
  const { agentId, message } = scriptOf(key, index)
  const transcript = createTranscript(agentId)
  const deadline = performance.now() + TIMEOUT_MS
  let joins = -1
  let refusals = 0
  tally.streams++
  while (transcript.end() === undefined && performance.now() < deadline) {
    const run = transcript.run()
    try {
      if (run === undefined) tally.starts++
      else joins++
      const response =
        run === undefined
          ? await postRun(url, agentId, { message }, { headers: { 'idempotency-key': key } })
          : await joinEvents(url, run, transcript.lastIndex())
      if (response.ok) await transcript.read(response)
      else if (run === undefined) countRefusal(tally, response.status, await response.text(), ++refusals)
      else await response.body?.cancel()
    } catch (error) {
      if (!isBroken(error)) throw error
      if (run === undefined) tally.failedStarts.push(causeOf(error))
    }
    if (transcript.end() === undefined) await sleep(PAUSE_MS)
  }
  const run = transcript.run()
  if (run !== undefined) tally.accepted.push(run)
  if (transcript.end()?.event !== 'RunCompleted') tally.unfinished++
  if (joins >= 0) tally.resumed++
  tally.joins += joins + 1
  tally.recoveries += transcript.recoveries()
  tally.disorder.push(...transcript.disorder)
}

async function queueOnce(url: string, key: string, tally: Tally): Promise<void> {
  const message = fake({ id: key, tool: 'once', calls: 4, args: { id: `${key}.$call` }, first: 200, tokens: 4 })
  let refusals = 0
  for (let accepted: Accepted | undefined; accepted === undefined;) {
    tally.starts++
    try {
      accepted = await queueRun(url, 'desk', { message }, key)
      tally.accepted.push(accepted)
    } catch (error) {
      if (error instanceof ApiError) countRefusal(tally, error.status, error.message, ++refusals)
      else tally.failedStarts.push(causeOf(error))
    }
    await sleep(500)
  }
}

/** A pod that stops says so, and that another one answers; everything else is a failure. */
function countRefusal(tally: Tally, status: number, said: string, refusals: number): void {
  if (status !== 503 || !said.includes('stopping')) {
    tally.failedStarts.push(`${status} ${said}`)
    return
  }
  tally.refusedStarts++
  tally.mostRefusals = Math.max(tally.mostRefusals, refusals)
}

async function readOnce(url: string, tally: Tally): Promise<void> {
  tally.reads++
  const started = performance.now()
  try {
    const response = await fetch(`${url}/agents`)
    const body = await response.text()
    if (response.status !== 200) tally.failedReads.push(`${response.status} ${body}`)
  } catch (error) {
    tally.failedReads.push(causeOf(error))
  }
  tally.slowestReadMs = Math.max(tally.slowestReadMs, performance.now() - started)
  await sleep(PAUSE_MS)
}

function causeOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) return String(error.cause)
  return String(error)
}
