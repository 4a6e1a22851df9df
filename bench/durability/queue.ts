/**
 * Background runs: how many a second, and how long they wait for a replica: in a burst, in an empty queue, and beside many
 * that wait for their session. Held against the same runs inline.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createFolder } from '../../e2e/agents-folder.ts'
import { until } from '../../e2e/condition.ts'
import { connectPostgres } from '../../e2e/postgres-client.ts'
import { copyPreparedData } from '../../e2e/prepared-data.ts'
import { startProvider } from '../../e2e/provider-process.ts'
import { type ServerProcess, startServer } from '../../e2e/server-process.ts'
import { postRun, readFrames } from '../../e2e/stream.ts'
import { sized } from '../options.ts'
import { load } from '../processes.ts'
import { type Figure, quantile } from '../report.ts'
import type { Scenario, Surroundings } from '../scenario.ts'
import { plainAgents } from './agents.ts'

/** Agents, by what their runs are for. */
const [BURST, PROBE, BESIDE, WAITING] = ['burst', 'probe', 'beside', 'waiting']
const INSTANT = 'Hello [fake:tokens=20]'
/** Clients that queue at once, all replicas together. */
const CLIENTS = 16
/** Longest pause between two lone runs: longer than the poll of the queue, so that they meet every moment of it. */
const PAUSE_MS = 700
/** Longest that a burst may take to be done. */
const DRAINED_MS = 120_000
/** One after the other, because they are of one session. */
const SLOW = 'Hello [fake:tokens=1,first=1500]'

export const queue: Scenario = async (surroundings) => {
  const figures: Figure[] = []
  for (const engine of ['PostgreSQL', 'embedded'] as const) figures.push(...(await measureEngine(engine, surroundings)))
  return figures
}

async function measureEngine(engine: 'PostgreSQL' | 'embedded', { database, size, say }: Surroundings) {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider())
  const folder = stack.use(await createFolder(plainAgents([BURST, PROBE, BESIDE, WAITING])))
  const url = engine === 'PostgreSQL' ? await database() : undefined
  const env = {
    ...provider.env,
    ...(url && { POSTGRES_URL: url }),
    AGENTOS_WATCH: 'false',
    AGENTOS_MAX_QUEUE_DEPTH: '100000',
  }
  // Making the embedded database takes seconds.
  const start = async () => {
    const dataDir = url === undefined ? { dataDir: stack.use(await copyPreparedData()).path } : {}
    return stack.use(await startServer({ dir: folder.path, env, ...dataDir }))
  }
  const servers: ServerProcess[] = []
  for (let replica = 0; replica < (url ? 2 : 1); replica++) servers.push(await start())

  const runs = sized(size, { quick: 100, short: 1000, full: 4000 })
  const probes = sized(size, { quick: 8, short: 40, full: 100 })
  const waiting = sized(size, { quick: 100, short: 500, full: 500 })
  say(`${engine}: ${runs} runs in a burst, then one at a time, then beside ${waiting} that wait`)
  // What is not measured compiles the code.
  await inlineRate(servers, Math.ceil(runs / 2))
  await backgroundRate(servers, Math.ceil(runs / 4))
  const inline = await inlineRate(servers, runs)
  const burstFrom = performance.timeOrigin + performance.now()
  const rate = await backgroundRate(servers, runs)
  const idle = await probePickUps(servers, PROBE, probes)
  await queueRuns(servers, { agentId: WAITING, message: SLOW, runs: waiting, sessionId: 'one-by-one' })
  const beside = await probePickUps(servers, BESIDE, probes)
  const stats = await queueStats(servers)

  const name = (what: string) => `queue ${engine} ${what}`
  const figures: Figure[] = [
    { name: name('rate'), unit: 'runs/s', value: rate.perSecond, limit: inline.perSecond, better: 'more' },
    { name: name('failed'), unit: 'runs', value: rate.failed + inline.failed, better: 'less' },
  ]
  const pickUps = (what: string, times: readonly number[], limits?: readonly number[]) => {
    for (const [label, q] of [
      ['p50', 0.5],
      ['p95', 0.95],
    ] as const) {
      const limit = limits && quantile(limits, q)
      figures.push({ name: name(`${what} ${label}`), unit: 'ms', value: quantile(times, q), limit, better: 'less' })
    }
  }
  pickUps('first event, empty queue', idle)
  pickUps(`first event, beside ${waiting}`, beside, idle)
  figures.push({ name: name('still waiting beside'), unit: 'runs', value: stats.queued, better: 'more' })
  if (url) {
    const stored = await storedPickUps(url, burstFrom)
    pickUps('pickup, empty queue', stored(PROBE))
    pickUps(`pickup, beside ${waiting}`, stored(BESIDE), stored(PROBE))
    pickUps('pickup, burst', stored(BURST))
  }
  return figures
}

type QueueOptions = {
  readonly agentId: string
  readonly message: string
  readonly runs: number
  readonly sessionId?: string
}

/** @returns how many were refused */
async function queueRuns(
  servers: readonly ServerProcess[],
  { agentId, message, runs, sessionId }: QueueOptions,
): Promise<number> {
  const results = await Promise.all(
    servers.map(({ url }) =>
      load({
        kind: 'runs',
        url: `${url}/agents/${agentId}/runs`,
        message,
        concurrency: CLIENTS / servers.length,
        runs: Math.ceil(runs / servers.length),
        fields: { background: 'true', stream: 'false', ...(sessionId && { session_id: sessionId }) },
        mark: '"status":"PENDING"',
      }),
    ),
  )
  return results.reduce((sum, { failed }) => sum + failed, 0)
}

/** From the first request to the end of the last run. */
async function backgroundRate(servers: readonly ServerProcess[], runs: number) {
  const before = await queueStats(servers)
  const startedAt = performance.now()
  const failed = await queueRuns(servers, { agentId: BURST, message: INSTANT, runs })
  let last: unknown
  const after = await until(
    () => `the queue to be empty; there is ${JSON.stringify(last)}`,
    async () => {
      const stats = (last = await queueStats(servers))
      return stats.queued + stats.running === 0 && stats
    },
    DRAINED_MS,
  )
  const done = after.completed - before.completed
  return { perSecond: (done * 1000) / (performance.now() - startedAt), failed: failed + runs - done }
}

async function inlineRate(servers: readonly ServerProcess[], runs: number) {
  const startedAt = performance.now()
  const results = await Promise.all(
    servers.map(({ url }) =>
      load({
        kind: 'runs',
        url: `${url}/agents/${BURST}/runs`,
        message: INSTANT,
        concurrency: CLIENTS / servers.length,
        runs: Math.ceil(runs / servers.length),
        fields: { stream: 'false' },
        mark: '"status":"COMPLETED"',
      }),
    ),
  )
  const failed = results.reduce((sum, result) => sum + result.failed, 0)
  return { perSecond: (runs * 1000) / (performance.now() - startedAt), failed }
}

/** Queues runs one at a time. @returns milliseconds from each request to the first event of the run */
async function probePickUps(servers: readonly ServerProcess[], agentId: string, probes: number): Promise<number[]> {
  const times: number[] = []
  for (let probe = 0; probe < probes; probe++) {
    const url = servers[probe % servers.length]?.url ?? ''
    const askedAt = performance.now()
    const response = await postRun(url, agentId, { message: INSTANT, background: 'true', stream: 'true' })
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`)
    let heardAt: number | undefined
    for await (const { json } of readFrames(response)) if (json.event === 'RunStarted') heardAt ??= performance.now()
    times.push((heardAt ?? Number.NaN) - askedAt)
    await sleep((PAUSE_MS * probe) / probes)
  }
  return times
}

async function queueStats(servers: readonly ServerProcess[]) {
  const response = await fetch(`${servers[0]?.url}/queue/stats`)
  const { counts } = (await response.json()) as { counts: Partial<Record<string, number>> }
  return { queued: counts['queued'] ?? 0, running: counts['running'] ?? 0, completed: counts['completed'] ?? 0 }
}

/** Milliseconds from the creation to the start of background runs, by the clock of the database. */
async function storedPickUps(url: string, from: number): Promise<(agentId: string) => readonly number[]> {
  await using db = await connectPostgres(url)
  const rows = await db.query(
    `select component_id, extract(epoch from started_at - created_at) * 1000 from agentos_runs
    where background and started_at is not null and created_at >= to_timestamp($1::text::float8)`,
    [String(from / 1000)],
  )
  return (agentId) => rows.filter(([id]) => id === agentId).map(([, ms]) => Number(ms))
}
