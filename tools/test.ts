/**
 * What `npm test` runs: every check and every test, on every database that this machine can have. A failed stage does
 * not stop the next. With TEST_STRICT=1 whatever is skipped counts as a failure.
 * @module
 */
import { installAgnoClient } from './agno-client.ts'
import { runSideBySide } from './check.ts'
import { installChartTools, whyNoChartTools } from './chart/commands.ts'
import { installCluster, whyNoCluster } from './cluster/install.ts'
import { installNode, whyNoNode } from './node/stage.ts'
import { installOtelCollector, whyNoOtelCollector } from './otel-collector.ts'
import { whyNoPgbouncer } from './pgbouncer-install.ts'
import { startPostgres } from './postgres.ts'
import { whyNoPostgres } from './postgres-install.ts'
import { whyNoPromtool } from './promtool-install.ts'
import { whyNoPip } from './python.ts'
import { runStage, type StageResult } from './run-stage.ts'
import {
  ALERTS,
  CHART,
  CLUSTER,
  EMBEDDED,
  endToEnd,
  NODE,
  onPostgres,
  STATIC_STAGES,
  throughPgbouncer,
  UNIT,
} from './stages.ts'
import { summarize, type Skip } from './summary.ts'

/** The older end of the supported range is held by the suites that speak SQL. */
const STORAGE = ['packages/server/src/storage']

async function runEverything() {
  const results: StageResult[] = await runSideBySide(STATIC_STAGES)
  const skips: Skip[] = []
  results.push(...(await runAlerts(skips)), ...(await runChart(skips)))
  results.push(await runStage(UNIT, 'stream'), await runStage(EMBEDDED, 'stream'))

  const given = process.env['TEST_POSTGRES_URL']
  const obstacle = given ? undefined : await whyNoPostgres()
  if (given) {
    skips.push({ name: 'storage on PostgreSQL 16', reason: 'TEST_POSTGRES_URL is set: only that server is tested' })
    results.push(await runStage(onPostgres('postgres', given), 'stream'))
    results.push(...(await runThroughPgbouncer(given, skips)))
    results.push(await runEndToEnd(given, skips))
  } else if (obstacle === undefined) {
    await using newest = await startPostgres(18)
    results.push(await runStage(onPostgres('postgres 18', newest.url), 'stream'))
    await using oldest = await startPostgres(16)
    results.push(await runStage(onPostgres('postgres 16', oldest.url, STORAGE), 'stream'))
    results.push(...(await runThroughPgbouncer(newest.url, skips)))
    results.push(await runEndToEnd(newest.url, skips))
  } else {
    const reason = `${obstacle}; install it, or set TEST_POSTGRES_URL to a server of yours`
    skips.push({ name: 'everything on a real PostgreSQL', reason })
    results.push(await runEndToEnd(undefined, skips))
  }
  results.push(...(await runCluster(skips)), ...(await runNode(skips)))
  return { results, skips }
}

async function runAlerts(skips: Skip[]): Promise<StageResult[]> {
  const obstacle = await whyNoPromtool()
  if (obstacle === undefined) return [await runStage(ALERTS, 'stream')]
  skips.push({ name: 'alerts', reason: `${obstacle}; install it` })
  return []
}

async function runChart(skips: Skip[]): Promise<StageResult[]> {
  const obstacle = await whyNoChartTools()
  if (obstacle !== undefined) {
    skips.push({ name: 'chart', reason: obstacle })
    return []
  }
  // Before the stage, whose time is then that of the tests.
  await installChartTools()
  return [await runStage(CHART, 'stream')]
}

async function runCluster(skips: Skip[]): Promise<StageResult[]> {
  const obstacle = await whyNoCluster()
  if (obstacle !== undefined) {
    skips.push({ name: 'the chart in a cluster', reason: obstacle })
    return []
  }
  await installCluster()
  return [await runStage(CLUSTER, 'stream')]
}

async function runNode(skips: Skip[]): Promise<StageResult[]> {
  const obstacle = await whyNoNode()
  if (obstacle !== undefined) {
    skips.push({ name: 'the chart on a real node', reason: obstacle })
    return []
  }
  await installNode()
  return [await runStage(NODE, 'stream')]
}

async function runThroughPgbouncer(url: string, skips: Skip[]): Promise<StageResult[]> {
  const obstacle = await whyNoPgbouncer()
  if (obstacle === undefined) return [await runStage(throughPgbouncer(url), 'stream')]
  skips.push({ name: 'storage and runs through PgBouncer', reason: `${obstacle}; install it` })
  return []
}

/** @param url of a real PostgreSQL; without it, the Python client and the collector, the tests that want one skip themselves */
async function runEndToEnd(url: string | undefined, skips: Skip[]): Promise<StageResult> {
  const given = process.env['AGNO_PYTHON']
  const obstacle = given ? undefined : await whyNoPip()
  if (obstacle !== undefined) skips.push({ name: "Agno's Python client", reason: obstacle })
  const python = obstacle === undefined ? (given ?? (await installAgnoClient())) : undefined
  const env = {
    ...(url && { TEST_POSTGRES_URL: url }),
    ...(python && { AGNO_PYTHON: python }),
    ...(await provideCollector(skips)),
  }
  return runStage(endToEnd(env), 'stream')
}

async function provideCollector(skips: Skip[]): Promise<Record<string, string>> {
  const obstacle = process.env['OTEL_COLLECTOR'] ? undefined : await whyNoOtelCollector()
  if (obstacle === undefined) return { OTEL_COLLECTOR: process.env['OTEL_COLLECTOR'] || (await installOtelCollector()) }
  skips.push({ name: 'the OpenTelemetry Collector', reason: obstacle })
  return {}
}

const { results, skips } = await runEverything()
const { text, exitCode } = summarize(results, skips, process.env['TEST_STRICT'] === '1')
console.log(`\n${text}`)
process.exitCode = exitCode
