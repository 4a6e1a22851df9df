/**
 * What tracing costs a run with two tool calls: servers that differ in one setting take turns on blocks of runs, so that
 * what else the machine does hits all of them. A block is over when its spans are written.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createFolder } from '../../e2e/agents-folder.ts'
import { connectPostgres } from '../../e2e/postgres-client.ts'
import { copyPreparedData } from '../../e2e/prepared-data.ts'
import { startProvider } from '../../e2e/provider-process.ts'
import { type Env, startServer } from '../../e2e/server-process.ts'
import { oneAgent, runRoute } from '../agents.ts'
import { sized } from '../options.ts'
import { cpuMs, load, startReceiver, type Target } from '../processes.ts'
import { type Figure, median, quantile } from '../report.ts'
import type { Scenario, Surroundings } from '../scenario.ts'

const RUN = 'What is it like? [fake:tool=look_up,calls=2,tokens=20]'
/** The run, three calls of the model, two of the tool. */
const SPANS = 6
/** With that of the request, which only collectors get. */
const SENT_SPANS = SPANS + 1
/** Milliseconds until what a block has left is written: a second for a batch to fill, and the writing. */
const FLUSHED_MS = 1300

type Engine = 'PostgreSQL' | 'embedded'
type Variant = 'off' | 'on' | 'collector' | 'access log'

/** What a variant makes of a run, and how many. */
const PARTS: Readonly<Record<Exclude<Variant, 'off'>, { readonly name: string; readonly count: number }>> = {
  on: { name: 'span', count: SPANS },
  collector: { name: 'span', count: SENT_SPANS },
  'access log': { name: 'line', count: 1 },
}

/** Of one variant, all its blocks together. */
type Measured = {
  readonly latencies: number[]
  /** Of each block, per run. */
  readonly cpuMs: number[]
  /** Of each block. */
  readonly perSecond: number[]
}

export const tracing: Scenario = async (surroundings) => [
  ...(await measureEngine('PostgreSQL', ['off', 'on', 'collector', 'access log'], surroundings)),
  ...(await measureEngine('embedded', ['off', 'on'], surroundings)),
]

async function measureEngine(engine: Engine, variants: readonly Variant[], surroundings: Surroundings) {
  const { database, size, say } = surroundings
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider())
  const folder = stack.use(await createFolder(oneAgent('clear')))
  const receiver = stack.use(await startReceiver())
  const off = { AGENTOS_TRACING: 'false', AGENTOS_ACCESS_LOG: 'off' }
  const on = { AGENTOS_ACCESS_LOG: 'off' }
  const settings: Readonly<Record<Variant, Env>> = {
    off,
    on,
    collector: { ...on, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces` },
    'access log': { ...off, AGENTOS_ACCESS_LOG: 'on' },
  }
  const servers = new Map<Variant, Target>()
  const databases = new Map<Variant, string>()
  for (const variant of variants) {
    const env: Record<string, string | undefined> = { ...provider.env, AGENTOS_WATCH: 'false', ...settings[variant] }
    if (engine === 'PostgreSQL') {
      const url = await database()
      databases.set(variant, url)
      env['POSTGRES_URL'] = url
    }
    const data = engine === 'embedded' ? { dataDir: stack.use(await copyPreparedData()).path } : {}
    servers.set(variant, stack.use(await startServer({ dir: folder.path, env, ...data })))
  }
  const { rounds, runs, warmUp } = sized(size, {
    quick: { rounds: 2, runs: 20, warmUp: 50 },
    short: { rounds: 8, runs: 150, warmUp: 400 },
    full: { rounds: 20, runs: 300, warmUp: 1000 },
  })
  let failed = 0
  let ran = 0
  const runBlock = async ({ url, pid }: Target, concurrency: number, count: number) => {
    const before = await cpuMs(pid)
    const result = await load({ kind: 'runs', url: runRoute(url), message: RUN, concurrency, runs: count })
    await sleep(FLUSHED_MS)
    failed += result.failed
    return { ...result, cpu: ((await cpuMs(pid)) - before) / count }
  }
  for (const server of servers.values()) await runBlock(server, 8, warmUp)
  ran += warmUp

  const figures: Figure[] = []
  for (const concurrency of [1, 8]) {
    say(`${engine}, ${variants.join(' / ')}: ${rounds} times ${runs} runs each, ${concurrency} at a time`)
    const measured = new Map(variants.map((variant) => [variant, emptyMeasure()]))
    for (let round = 0; round < rounds; round++) {
      // Each goes first as often as the others.
      const turn = variants.map((_, index) => variants[(index + round) % variants.length] ?? 'off')
      for (const variant of turn) {
        const server = servers.get(variant)
        if (server === undefined) continue
        const block = await runBlock(server, concurrency, runs)
        const sum = measured.get(variant)
        sum?.latencies.push(...block.latencies)
        sum?.cpuMs.push(block.cpu)
        sum?.perSecond.push((runs * 1000) / block.wallMs)
      }
    }
    ran += rounds * runs
    figures.push(...compare(engine, concurrency, measured))
  }
  figures.push({ name: `tracing ${engine} failed`, unit: 'runs', value: failed, better: 'less' })
  const stored = databases.get('on')
  if (stored !== undefined) figures.push(...(await storedSpans(stored, ran)))
  if (variants.includes('collector')) figures.push(...(await sentSpans(receiver.url, ran)))
  return figures
}

function emptyMeasure(): Measured {
  return { latencies: [], cpuMs: [], perSecond: [] }
}

function compare(engine: Engine, concurrency: number, measured: ReadonlyMap<Variant, Measured>): Figure[] {
  const off = measured.get('off')
  if (off === undefined) return []
  return [...measured].flatMap(([variant, on]): Figure[] => {
    if (variant === 'off') return []
    const name = (what: string) => `tracing ${engine} ${variant} c=${concurrency} ${what}`
    const latency = (what: string, q: number): Figure => {
      const [value, limit] = [quantile(on.latencies, q), quantile(off.latencies, q)]
      return { name: name(what), unit: 'ms', value, limit, better: 'less' }
    }
    const extra = median(on.cpuMs.map((ms, round) => ms - (off.cpuMs[round] ?? Number.NaN)))
    const each = PARTS[variant]
    return [
      latency('p50', 0.5),
      latency('p99', 0.99),
      { name: name('CPU per run'), unit: 'ms', value: median(on.cpuMs), limit: median(off.cpuMs), better: 'less' },
      { name: name(`CPU per ${each.name}`), unit: 'us', value: (extra * 1000) / each.count, better: 'less' },
      {
        name: name('rate'),
        unit: 'runs/s',
        value: median(on.perSecond),
        limit: median(off.perSecond),
        better: 'more',
      },
    ]
  })
}

/** Bytes of a span on disk, with its part of the row of its trace and with indexes; and how many never came. */
async function storedSpans(url: string, runs: number): Promise<Figure[]> {
  await using db = await connectPostgres(url)
  const [row] = await db.query(`select (select count(*) from agentos_spans), sum(pg_total_relation_size(oid))
    from pg_class where relkind = 'r' and relname ~ '^agentos_(spans|traces)'`)
  const [spans, bytes] = [Number(row?.[0]), Number(row?.[1])]
  return [
    { name: 'tracing stored bytes per span', unit: 'B', value: bytes / spans, better: 'less' },
    { name: 'tracing spans not stored', unit: `of ${runs * SPANS}`, value: runs * SPANS - spans, better: 'less' },
  ]
}

async function sentSpans(url: string, runs: number): Promise<Figure[]> {
  const response = await fetch(`${url}/spans`)
  const { spans, bytes } = (await response.json()) as { spans: number; bytes: number }
  // One more is sent at the start, to see whether it arrives.
  const expected = runs * SENT_SPANS + 1
  return [
    { name: 'tracing sent bytes per span', unit: 'B', value: bytes / spans, better: 'less' },
    { name: 'tracing spans not sent', unit: `of ${expected}`, value: expected - spans, better: 'less' },
  ]
}
