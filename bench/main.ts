/**
 * `npm run bench -- [scenario...] [--quick | --full] [--save]`: measures a running server from outside and prints a table:
 * each figure, what it is held against in the same run (mostly the limit program, the least that serving takes,
 * `limit/main.ts`), their ratio, and how that ratio compares with `baseline.json`. `--save` writes the baseline. Server, model provider, load generator, limit
 * program and PostgreSQL are processes of their own, on the loopback interface, and end with this one.
 * @module
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connectPostgres } from '../e2e/postgres-client.ts'
import { startPostgres } from '../tools/postgres.ts'
import { journal } from './durability/journal.ts'
import { queue } from './durability/queue.ts'
import { recovery } from './durability/recovery.ts'
import { rollout } from './durability/rollout.ts'
import { schedules } from './durability/schedules.ts'
import { session } from './durability/session.ts'
import type { Size } from './options.ts'
import { knowledge } from './knowledge.ts'
import { pages } from './pages.ts'
import { type Baseline, type Figure, formatTable, toBaseline } from './report.ts'
import type { Scenario } from './scenario.ts'
import { coldStart, overhead, reload, stalled, streams } from './scenarios.ts'
import { traces } from './telemetry/traces.ts'
import { tracing } from './telemetry/tracing.ts'

const BASELINE = join(import.meta.dirname, 'baseline.json')
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  overhead,
  streams,
  start: coldStart,
  reload,
  stalled,
  journal,
  queue,
  recovery,
  rollout,
  schedules,
  session,
  pages,
  knowledge,
  tracing,
  traces,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, full: { type: 'boolean' }, save: { type: 'boolean' } },
})
const chosen = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals
const unknown = chosen.filter((name) => !Object.hasOwn(SCENARIOS, name))
if (unknown.length > 0) {
  console.error(`No scenario ${unknown.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}.`)
  process.exit(2)
}
const size: Size = values.quick ? 'quick' : values.full ? 'full' : 'short'
const say = (text: string) => console.error(`  ${text}`)

// Children end with us: by their standard input, or because they watch their parent. What they leave lies in one folder.
const scratch = mkdtempSync(join(tmpdir(), 'agentos-bench-'))
// PostgreSQL runs as another user.
chmodSync(scratch, 0o755)
process.env['TMPDIR'] = scratch
process.once('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

await using postgres = await startPostgres()
await using admin = await connectPostgres(postgres.url)
let databases = 0
const database = async () => {
  const name = `bench_${++databases}`
  await admin.query(`create database ${name}`)
  const url = new URL(postgres.url)
  url.pathname = `/${name}`
  return url.href
}

const figures: Figure[] = []
for (const name of chosen) {
  console.error(name)
  const measured = await SCENARIOS[name]?.({ database, size, say })
  figures.push(...(measured ?? []))
}
const before = await readBaseline()
const [cpu] = cpus()
console.log(`\n${cpus().length} x ${cpu?.model.trim()}, Node ${process.version}, size ${size}\n`)
console.log(formatTable(figures, before))
if (values.save) await writeFile(BASELINE, `${JSON.stringify(toBaseline(figures, before), null, 2)}\n`)

async function readBaseline(): Promise<Baseline> {
  try {
    return JSON.parse(await readFile(BASELINE, 'utf8')) as Baseline
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}
