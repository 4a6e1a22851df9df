/**
 * What serving costs, each scenario with processes of its own.
 * @module
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@agentos/wire/client'
import { createRepository } from '../e2e/agents-folder.ts'
import { until } from '../e2e/condition.ts'
import { copyPreparedData } from '../e2e/prepared-data.ts'
import { startProvider } from '../e2e/provider-process.ts'
import { startServer } from '../e2e/server-process.ts'
import { createManyAgents, oneAgent, runRoute } from './agents.ts'
import { sized } from './options.ts'
import { cpuMs, load, peakRssMb, probeHealth, rssMb, startLimit, type Target } from './processes.ts'
import { type Figure, median, quantile } from './report.ts'
import type { Scenario, Surroundings } from './scenario.ts'

const TOOL_RUN = 'What is it like? [fake:tool=look_up,tokens=20]'
/** Runs of one kind of load before it is measured: code that has run a few hundred times is compiled. */
const WARM_UP = 300
const RATE = 50

/** A server on PostgreSQL and the limit program, both on one fake provider. */
async function startPair({ database, size }: Surroundings) {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider())
  const folder = stack.use(await createManyAgents())
  const env = { ...provider.env, POSTGRES_URL: await database() }
  const server = stack.use(await startServer({ dir: folder.path, env }))
  const limit = stack.use(await startLimit(provider.baseUrl, await database()))
  const warmUp = { kind: 'runs', message: TOOL_RUN, concurrency: 8, runs: size === 'quick' ? 50 : WARM_UP } as const
  for (const { url } of [limit, server]) await load({ ...warmUp, url: runRoute(url) })
  const started = stack.move()
  return { server, limit, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

export const overhead: Scenario = async (surroundings) => {
  await using pair = await startPair(surroundings)
  const figures: Figure[] = []
  const runs = sized(surroundings.size, { quick: 60, short: 600, full: 3000 })
  const measure = async ({ url, pid }: Pick<Target, 'url' | 'pid'>, concurrency: number) => {
    const before = await cpuMs(pid)
    const result = await load({ kind: 'runs', url: runRoute(url), message: TOOL_RUN, concurrency, runs })
    return { ...result, cpu: (await cpuMs(pid)) - before }
  }
  for (const concurrency of [1, 8, 32]) {
    surroundings.say(`${runs} runs, ${concurrency} at a time`)
    const limit = await measure(pair.limit, concurrency)
    const server = await measure(pair.server, concurrency)
    const name = (what: string) => `overhead c=${concurrency} ${what}`
    const compare = (what: string, unit: string, of: (result: typeof server) => number) =>
      figures.push({ name: name(what), unit, value: of(server), limit: of(limit), better: 'less' })
    compare('p50', 'ms', ({ latencies }) => quantile(latencies, 0.5))
    compare('p99', 'ms', ({ latencies }) => quantile(latencies, 0.99))
    compare('CPU per run', 'ms', ({ cpu }) => cpu / runs)
    const perSecond = ({ wallMs }: typeof server) => (runs * 1000) / wallMs
    figures.push(
      { name: name('rate'), unit: 'runs/s', value: perSecond(server), limit: perSecond(limit), better: 'more' },
      { name: name('failed'), unit: 'runs', value: server.failed, better: 'less' },
    )
  }
  return figures
}

export const streams: Scenario = async (surroundings) => {
  await using pair = await startPair(surroundings)
  const figures: Figure[] = []
  const tokens = sized(surroundings.size, { quick: 50, short: 250, full: 1000 })
  const rampMs = 5
  const measure = async ({ url, pid }: Pick<Target, 'url' | 'pid'>, count: number) => {
    const before = await cpuMs(pid)
    const message = `[fake:tokens=${tokens},rate=${RATE}]`
    const loading = load({ kind: 'streams', url: runRoute(url), message, streams: count, rampMs, tokens, stallMs: 0 })
    const [result, health, peak] = await Promise.all([loading, probeHealth(url, loading), peakRssMb(pid, loading)])
    return { ...result, health, peak, cpu: (await cpuMs(pid)) - before }
  }
  for (const count of sized(surroundings.size, { quick: [50], short: [100, 300, 500], full: [100, 300, 500] })) {
    surroundings.say(`${count} streams of ${tokens} tokens at ${RATE}/s`)
    const limit = await measure(pair.limit, count)
    const server = await measure(pair.server, count)
    const idealMs = (count - 1) * rampMs + ((tokens - 1) * 1000) / RATE
    const compare = (what: string, unit: string, of: (result: typeof server) => number) =>
      figures.push({ name: `streams ${count} ${what}`, unit, value: of(server), limit: of(limit), better: 'less' })
    compare('wall over ideal', 'x', ({ wallMs }) => wallMs / idealMs)
    compare('first token p50', 'ms', ({ firstTokens }) => quantile(firstTokens, 0.5))
    compare('first token p99', 'ms', ({ firstTokens }) => quantile(firstTokens, 0.99))
    compare('gap p99', 'ms', ({ gapP99 }) => gapP99)
    compare('CPU per token', 'us', ({ cpu }) => (cpu * 1000) / (count * tokens))
    compare('/health p99', 'ms', ({ health }) => quantile(health, 0.99))
    compare('peak RSS', 'MB', ({ peak }) => peak)
    figures.push({ name: `streams ${count} failed`, unit: 'streams', value: server.failed, better: 'less' })
  }
  return figures
}

export const coldStart: Scenario = async ({ database, size, say }) => {
  await using provider = await startProvider()
  await using folder = await createManyAgents()
  const figures: Figure[] = []
  for (const [engine, url] of [
    ['PostgreSQL', await database()],
    ['embedded', undefined],
  ] as const) {
    say(`starts with 50 agents, ${engine}`)
    await using data = await copyPreparedData()
    const env = { ...provider.env, ...(url && { POSTGRES_URL: url }) }
    const times: number[] = []
    let idle = 0
    // The first one migrates and fills the compile cache.
    for (let start = 0; start <= sized(size, { quick: 1, short: 5, full: 10 }); start++) {
      const startedAt = performance.now()
      await using server = await startServer({ dir: folder.path, dataDir: data.path, env })
      const client = createClient({ baseUrl: server.url })
      await until('the server to be ready', async () => (await client.ready()).ready)
      if (start > 0) times.push(performance.now() - startedAt)
      await sleep(start === 1 ? 2000 : 0)
      if (start === 1) idle = await rssMb(server.pid)
      await server.stop()
    }
    figures.push(
      { name: `start ${engine} to ready`, unit: 'ms', value: median(times), better: 'less' },
      { name: `start ${engine} idle RSS`, unit: 'MB', value: idle, better: 'less' },
    )
  }
  return figures
}

export const reload: Scenario = async ({ database, size, say }) => {
  await using provider = await startProvider()
  await using repository = await createRepository()
  const sha = (number: number) => createHash('sha1').update(`revision ${number}`).digest('hex')
  const publish = (number: number) => repository.publish(sha(number), oneAgent(sha(number)))
  await publish(0)
  const env = { ...provider.env, POSTGRES_URL: await database() }
  const fast = { AGENTOS_RELOAD_DEBOUNCE_MS: '0', AGENTOS_RELOAD_POLL_MS: '100' }
  await using server = await startServer({ dir: repository.path, env: { ...env, ...fast } })
  const client = createClient({ baseUrl: server.url })
  const url = runRoute(server.url)
  const swapTimes: number[] = []
  const swap = async (number: number) => {
    const publishedAt = performance.now()
    await publish(number)
    await until(
      'the revision to serve',
      async () => {
        const { revision } = await client.ready()
        return revision === sha(number)
      },
      30_000,
    )
    swapTimes.push(performance.now() - publishedAt)
  }
  const swaps = sized(size, { quick: 10, short: 60, full: 500 })
  say(`${swaps} swaps under load`)
  // What is loaded lazily, and the first generations, are not a leak.
  for (let number = 1; number <= 5; number++) await swap(number)
  await load({ kind: 'runs', url, message: TOOL_RUN, concurrency: 4, runs: 100 })
  const before = await rssMb(server.pid)
  let swapping = true
  let failed = 0
  let requests = 0
  const loading = (async () => {
    while (swapping) {
      const result = await load({ kind: 'runs', url, message: TOOL_RUN, concurrency: 4, runs: 200 })
      failed += result.failed
      requests += result.latencies.length
    }
  })()
  for (let number = 6; number < 6 + swaps; number++) await swap(number)
  swapping = false
  await loading
  await sleep(3000)
  return [
    { name: 'reload failed', unit: `of ${requests} runs`, value: failed, better: 'less' },
    { name: 'reload push to served p50', unit: 'ms', value: median(swapTimes), better: 'less' },
    { name: 'reload push to served p99', unit: 'ms', value: quantile(swapTimes, 0.99), better: 'less' },
    { name: 'reload RSS after over before', unit: 'x', value: (await rssMb(server.pid)) / before, better: 'less' },
    { name: 'reload RSS after', unit: 'MB', value: await rssMb(server.pid), better: 'less' },
  ]
}

export const stalled: Scenario = async (surroundings) => {
  await using pair = await startPair(surroundings)
  const stallMs = sized(surroundings.size, { quick: 2_000, short: 10_000, full: 20_000 })
  const url = runRoute(pair.server.url)
  surroundings.say(`50 clients that stop reading for ${stallMs / 1000} s beside 50 that read`)
  const tokens = (RATE * (stallMs + 2000)) / 1000
  const message = `[fake:tokens=${tokens},rate=${RATE}]`
  const shape = { kind: 'streams', url, message, streams: 50, rampMs: 5, tokens } as const
  const healthy = load({ ...shape, stallMs: 0 })
  const sick = load({ ...shape, stallMs })
  const all = Promise.all([healthy, sick])
  const [health, peak, [reading, stalling]] = await Promise.all([
    probeHealth(pair.server.url, all),
    peakRssMb(pair.server.pid, all),
    all,
  ])
  return [
    { name: 'stalled healthy gap p99', unit: 'ms', value: reading.gapP99, better: 'less' },
    { name: 'stalled /health p99', unit: 'ms', value: quantile(health, 0.99), better: 'less' },
    { name: 'stalled peak RSS', unit: 'MB', value: peak, better: 'less' },
    { name: 'stalled failed', unit: 'streams', value: reading.failed + stalling.failed, better: 'less' },
  ]
}
