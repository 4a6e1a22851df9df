/**
 * What a run and each of its steps cost the database and the server: round trips, rows, bytes, CPU time. Every kind of run
 * has a server and a database of its own; what an idle server does is taken off.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createFolder } from '../../e2e/agents-folder.ts'
import { connectPostgres } from '../../e2e/postgres-client.ts'
import { type ProviderProcess, startProvider } from '../../e2e/provider-process.ts'
import { startServer } from '../../e2e/server-process.ts'
import { sized } from '../options.ts'
import { cpuMs, load, startLimit } from '../processes.ts'
import type { Figure } from '../report.ts'
import type { Scenario, Surroundings } from '../scenario.ts'
import { DESK, EFFECTS } from './agents.ts'
import { startCountingProxy } from './proxy.ts'
import { logBytes, rowsWritten, storedBytes } from './stored.ts'

/** Tool steps of a run that has some. */
const STEPS = 4
const TOKENS = 20
const IDLE_MS = 2_000
/** Milliseconds until a server has written what it still holds of the events of ended runs. */
const FLUSHED_MS = 300

/** Per run. */
type Cost = {
  readonly trips: number
  readonly rows: number
  readonly wireBytes: number
  readonly logBytes: number
  readonly storedBytes: number
  readonly cpuMs: number
}
type Measured = Cost & { readonly failed: number; readonly idleTripsPerSecond: number }
/** A server, or the limit program, on the database of a URL. */
type Start = (postgresUrl: string) => Promise<{ url: string; pid: number; stop: () => Promise<unknown> }>

const MEASURES: readonly (readonly [string, string, keyof Cost])[] = [
  ['round trips', '', 'trips'],
  ['rows written', '', 'rows'],
  ['bytes on the wire', 'B', 'wireBytes'],
  ['bytes of WAL', 'B', 'logBytes'],
  ['bytes stored', 'B', 'storedBytes'],
  ['CPU', 'ms', 'cpuMs'],
]

export const journal: Scenario = async (surroundings) => {
  await using provider = await startProvider()
  await using folder = await createFolder(DESK)
  const server = serverOn(folder.path, provider)
  const limit = limitOn(provider)
  const figures: Figure[] = []
  const report = (of: string, cost: Cost, least: Cost | undefined) => {
    for (const [what, unit, key] of MEASURES) {
      figures.push({ name: `journal ${of} ${what}`, unit, value: cost[key], limit: least?.[key], better: 'less' })
    }
  }
  const plainLimit = await measure(surroundings, 'limit program, no tool', limit, runMessage())
  const stepLimit = perStep(
    await measure(surroundings, 'limit program, tool', limit, runMessage('look_up')),
    plainLimit,
  )
  const plain = await measure(surroundings, 'no tool', server, runMessage())
  report('plain run', plain, plainLimit)
  let failed = plain.failed
  for (const effect of EFFECTS) {
    const run = await measure(surroundings, `tool of effect ${effect}`, server, runMessage(effect))
    report(`${effect} step`, perStep(run, plain), stepLimit)
    failed += run.failed
  }
  const idle = { name: 'journal idle server round trips', unit: '/s', value: plain.idleTripsPerSecond } as const
  return [
    ...figures,
    { ...idle, better: 'less' },
    { name: 'journal failed', unit: 'runs', value: failed, better: 'less' },
  ]
}

function runMessage(tool?: string): string {
  return `Hello [fake:tokens=${TOKENS}${tool === undefined ? '' : `,tool=${tool},calls=${STEPS}`}]`
}

function serverOn(dir: string, provider: ProviderProcess): Start {
  return async (postgresUrl) => {
    const env = { ...provider.env, POSTGRES_URL: postgresUrl, AGENTOS_WATCH: 'false' }
    const server = await startServer({ dir, env })
    // Its data directory goes when it is disposed of.
    const stop = async () => {
      await server.stop()
      await server[Symbol.asyncDispose]()
    }
    return { url: `${server.url}/agents/desk/runs`, pid: server.pid, stop }
  }
}

function limitOn(provider: ProviderProcess): Start {
  return async (postgresUrl) => {
    const limit = await startLimit(provider.baseUrl, postgresUrl)
    return { url: `${limit.url}/runs`, pid: limit.pid, stop: async () => limit[Symbol.asyncDispose]() }
  }
}

async function measure(surroundings: Surroundings, what: string, start: Start, message: string): Promise<Measured> {
  const warmUp = sized(surroundings.size, { quick: 40, short: 300, full: 600 })
  const runs = sized(surroundings.size, { quick: 80, short: 600, full: 3000 })
  surroundings.say(`${runs} runs, ${what}`)
  const databaseUrl = await surroundings.database()
  await using proxy = await startCountingProxy(databaseUrl)
  await using db = await connectPostgres(databaseUrl)
  const target = await start(proxy.url)
  const counters = async () => ({
    at: performance.now(),
    ...proxy.traffic(),
    log: await logBytes(db),
    cpu: await cpuMs(target.pid),
  })
  try {
    const empty = await storedBytes(db)
    const job = { kind: 'runs', url: target.url, message, concurrency: 8 } as const
    await load({ ...job, runs: warmUp })
    await sleep(FLUSHED_MS)
    const first = await counters()
    await sleep(IDLE_MS)
    const before = await counters()
    const { failed } = await load({ ...job, runs })
    await sleep(FLUSHED_MS)
    const after = await counters()
    await target.stop()

    const stored = await storedBytes(db)
    const bytes = [...stored].map(([table, size]) => (size - (empty.get(table) ?? 0)) / (warmUp + runs))
    surroundings.say(
      `  stored: ${[...stored.keys()].map((table, at) => `${table} ${bytes[at]?.toFixed(0)}`).join(', ')}`,
    )
    const idleShare = (after.at - before.at) / (before.at - first.at)
    const perRun = (key: Exclude<keyof typeof before, 'at'>) =>
      Math.max(0, after[key] - before[key] - (before[key] - first[key]) * idleShare) / runs
    return {
      trips: perRun('trips'),
      rows: (await rowsWritten(db)) / (warmUp + runs),
      wireBytes: perRun('bytes'),
      logBytes: perRun('log'),
      storedBytes: bytes.reduce((sum, size) => sum + size, 0),
      cpuMs: perRun('cpu'),
      failed,
      idleTripsPerSecond: ((before.trips - first.trips) * 1000) / (before.at - first.at),
    }
  } catch (error) {
    await target.stop()
    throw error
  }
}

/** What each of its steps adds to a run without tools. */
function perStep(run: Cost, plain: Cost): Cost {
  const step = (key: keyof Cost) => (run[key] - plain[key]) / STEPS
  return {
    trips: step('trips'),
    rows: step('rows'),
    wireBytes: step('wireBytes'),
    logBytes: step('logBytes'),
    storedBytes: step('storedBytes'),
    cpuMs: step('cpuMs'),
  }
}
