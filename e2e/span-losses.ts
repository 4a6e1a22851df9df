/**
 * Counts what is lost of traces when something goes wrong: what happened by the word of others (the provider of models,
 * the outside world of tools, the rows of runs), what of it the database has as spans, and what a collector got.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Collector, startCollector } from './collector.ts'
import { until } from './condition.ts'
import { runSql, type TestDatabase } from './database.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { queueRun } from './run-requests.ts'
import { fake } from './script.ts'

/**
 * What happens while the runs go on: nothing; the collector is not there, at all or for a while; it takes requests and
 * never answers; one of two replicas is asked to end, or is killed.
 */
export const MISHAPS = ['none', 'collector down', 'collector back', 'collector hangs', 'stop', 'kill'] as const
export type Mishap = (typeof MISHAPS)[number]

export type SpanCount = {
  /** Attempts of runs, model calls and tool calls that there were. */
  readonly happened: number
  /** Of them, spans in the database. */
  readonly stored: number
  /** Of them, different spans at the collector. */
  readonly arrived: number
  /** Spans that the collector got again. */
  readonly repeated: number
  /** Requests that have started runs, and their spans at the collector. */
  readonly requests: number
  readonly requestsArrived: number
  /** Spans that say that what they tell of was lost. */
  readonly markedLost: number
  /** Attempts beyond the first of each run. */
  readonly furtherAttempts: number
  /** From the signal to the end of the replica that was asked to end, in milliseconds; NaN without one. */
  readonly stopMs: number
}

export type SpanCountOptions = {
  /** Each with one tool: four spans when all is well. */
  readonly runs: number
  /** How long the collector stays away before it comes back, in milliseconds. */
  readonly awayMs: number
  /** Without it, a fresh database on the server of the test run. */
  readonly database?: TestDatabase
}

/** Requests at once. */
const SENDERS = 8
/** Before the first token, so that some runs are in a model call when something happens. */
const FIRST_TOKEN_MS = 30
/** Background runs at once on a replica, and runs whose tool is held until a replica is dead: so that it has some then. */
const MOST_RUNS = 10
const HELD = MOST_RUNS + 1
const GATE = 'dead'
/** Longest wait for spans that are sent again. */
const LATE_MS = 60_000

/** Runs on two replicas over PostgreSQL, and counts once both have ended. */
export async function countSpans(mishap: Mishap, options: SpanCountOptions): Promise<SpanCount> {
  const { runs, awayMs, database } = options
  await using collector = await startCollector(mishap === 'collector hangs' ? 'hanging' : 'well')
  if (mishap === 'collector down' || mishap === 'collector back') await collector.down()
  // Only who is dead is taken for dead: on a busy machine, short leases run out by themselves.
  const lease = mishap === 'kill' ? { AGENTOS_MAX_BACKGROUND_RUNS: String(MOST_RUNS) } : { AGENTOS_LEASE_MS: '30000' }
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...lease }
  await using fleet = await startFleet({ replicas: 2, env, ...(database && { database }) })
  const halfway = happens(mishap, fleet, runs)
  await sendRuns(fleet, runs, mishap === 'kill' ? HELD : 0)
  const stopMs = await halfway
  await until(
    () => 'the runs to be at rest',
    async () => (await numberOf(fleet, RUNNING)) === 0,
    LATE_MS,
  )
  if (mishap === 'collector back') {
    await sleep(awayMs)
    await collector.up()
    await awaitSpans(fleet, collector, runs)
  }
  const { requests: modelCalls } = await fleet.provider.stats()
  const toolCalls = (await fleet.effects.list()).length
  const survivors = mishap === 'stop' || mishap === 'kill' ? [1] : [0, 1]
  await Promise.all(survivors.map((index) => fleet.stop(index)))
  const attempts = await numberOf(fleet, 'select coalesce(sum(attempt), 0) from agentos_runs')
  const stored = await numberOf(fleet, 'select count(*) from agentos_spans')
  return {
    ...countArrived(collector),
    happened: attempts + modelCalls + toolCalls,
    stored,
    requests: runs,
    markedLost: await numberOf(fleet, MARKED),
    furtherAttempts: attempts - runs,
    stopMs,
  }
}

const RUNNING = `select count(*) from agentos_runs where status in ('PENDING', 'RUNNING')`
const MARKED = `select count(*) from agentos_spans where attributes ? 'agentos.attempt.lost' or error = 'replica lost'`

async function sendRuns(fleet: Fleet, runs: number, held: number): Promise<void> {
  let next = 0
  const send = async () => {
    while (next < runs) {
      const number = next++
      const id = idOf(number)
      const args = { id, ...(number < held && { gate: GATE }) }
      const message = fake({ id, tool: 'keyed', args, text: 'Done', first: FIRST_TOKEN_MS })
      // The second replica stays, whatever happens.
      await queueRun(fleet.replica(1).url, 'desk', { message })
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, send))
}

const idOf = (number: number) => `n${number}.`

/** Ends the first replica once half of the runs have had their effect. @returns how long that took */
async function happens(mishap: Mishap, fleet: Fleet, runs: number): Promise<number> {
  if (mishap !== 'stop' && mishap !== 'kill') return Number.NaN
  const { pid } = fleet.replica(0)
  const held = new Set(Array.from({ length: HELD }, (_, number) => idOf(number)))
  await until('half of the effects', async () => (await fleet.effects.list()).length >= runs / 2, LATE_MS)
  if (mishap === 'kill') {
    const isMidway = async () =>
      (await fleet.effects.list()).some((effect) => effect.pid === pid && held.has(effect.id))
    await until('the replica to be in the middle of a run', isMidway, LATE_MS)
  }
  const begun = performance.now()
  await (mishap === 'stop' ? fleet.stop(0) : fleet.kill(0))
  const tookMs = performance.now() - begun
  await fleet.effects.open(GATE)
  return tookMs
}

/** Until the collector has everything, or has not had anything new for a while. */
async function awaitSpans(fleet: Fleet, collector: Collector, runs: number): Promise<void> {
  const deadline = performance.now() + LATE_MS
  const wanted = (await numberOf(fleet, 'select count(*) from agentos_spans')) + runs
  while (performance.now() < deadline && collector.spans().length < wanted) await sleep(100)
}

function countArrived(collector: Collector): Pick<SpanCount, 'arrived' | 'repeated' | 'requestsArrived'> {
  const spans = collector.spans()
  const unique = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span]))
  const requests = [...unique.values()].filter((span) => span.attributes['http.route'] !== undefined).length
  return { arrived: unique.size - requests, repeated: spans.length - unique.size, requestsArrived: requests }
}

async function numberOf({ databaseUrl }: Fleet, statement: string): Promise<number> {
  const [row] = await runSql(databaseUrl, statement)
  return Number(row?.[0])
}
