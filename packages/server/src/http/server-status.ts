/**
 * The status of this replica, from the same readings that its metrics are made of.
 * @module
 */
import type { ServerStatus } from '@agentos/wire'
import type { BaseCondition } from '../knowledge/knowledge.ts'
import { type AttributeName, type MetricKey, METRICS } from '../telemetry/metrics-table.ts'
import { type MetricView, type PointView, viewMetrics } from '../telemetry/metrics-view.ts'
import type { AppDeps } from './deps.ts'

const MS = 1000

export async function describeStatus(deps: AppDeps): Promise<ServerStatus> {
  const collected = await deps.metrics?.collect()
  const read = createReader(collected === undefined ? [] : viewMetrics(collected))
  const { ready, reasons } = deps.settings.readiness()
  const { loaded, desired } = deps.registry.status()
  const { count, one, seconds } = read
  return {
    replica_id: deps.replicaId,
    version: deps.version,
    node: process.version,
    started_at: deps.startedAt.toISOString(),
    uptime_seconds: one('uptime') ?? 0,
    ready,
    reasons: Object.fromEntries(Object.entries(reasons).map(([part, why]) => [part, deps.redact(why)])),
    event_loop: { p50_ms: seconds('loopDelayMedian'), p99_ms: seconds('loopDelay'), max_ms: seconds('loopDelayMax') },
    memory_bytes: one('memory'),
    runs: {
      active: one('runsActive'),
      waiting: one('runsWaiting'),
      oldest_lease_seconds: one('leaseAge'),
      background_limit: deps.settings.maxBackgroundRuns,
    },
    streams_open: count('streamsOpen'),
    database: { engine: deps.database.engine, pools: poolsOf(read) },
    revision: loaded,
    desired,
    generations: generationsOf(read),
    worker_ends: count('workerEnds'),
    knowledge: (await deps.knowledge.describe()).map((base) => toKnowledge(base, deps.redact)),
    spans: spansOf(read),
  }
}

type Reader = ReturnType<typeof createReader>

function createReader(views: readonly MetricView[]) {
  const points = (key: MetricKey) => views.find(({ name }) => name === METRICS[key].name)?.points ?? []
  /** Null: there is no reading of it now. */
  const one = (key: MetricKey) => points(key)[0]?.value ?? null
  const seconds = (key: MetricKey) => {
    const value = one(key)
    return value === null ? null : value * MS
  }
  /** What never happened counts as 0. */
  const count = (key: MetricKey) => one(key) ?? 0
  const where = (key: MetricKey, attributes: Partial<Record<AttributeName, string>>) =>
    points(key).find((point) => Object.entries(attributes).every(([name, value]) => point.attributes[name] === value))
      ?.value ?? 0
  return { points, one, seconds, count, where }
}

function poolsOf({ points, where }: Reader): ServerStatus['database']['pools'] {
  return points('poolMax').map((point) => {
    const name = textOf(point, 'db.client.connection.pool.name')
    const pool = { 'db.client.connection.pool.name': name }
    return {
      name,
      used: where('poolConnections', { ...pool, 'db.client.connection.state': 'used' }),
      idle: where('poolConnections', { ...pool, 'db.client.connection.state': 'idle' }),
      waiting: where('poolPending', pool),
      max: point.value ?? 0,
    }
  })
}

function generationsOf({ points, where }: Reader): ServerStatus['generations'] {
  return points('generationInfo').map((point) => {
    const one = { revision: textOf(point, 'revision'), state: textOf(point, 'state') }
    return { ...one, runs: where('generationRuns', one), credit: where('generationCredit', one) }
  })
}

function toKnowledge(
  { id, counts, embedder, wordsOnly }: BaseCondition,
  redact: AppDeps['redact'],
): ServerStatus['knowledge'][number] {
  const told = (text: string | null) => (text === null ? null : redact(text))
  return {
    id,
    documents: counts && { ready: counts.completed, reading: counts.processing, failed: counts.failed },
    chunks: counts && counts.chunks,
    embedder: embedder && { ...embedder, problem: told(embedder.problem) },
    words_only: told(wordsOnly),
  }
}

function spansOf({ points, where }: Reader): ServerStatus['spans'] {
  return points('spansQueued').map((point) => {
    const sink = textOf(point, 'sink')
    return { sink, queued: point.value ?? 0, dropped: where('spansDropped', { sink }) }
  })
}

function textOf({ attributes }: PointView, name: AttributeName): string {
  return String(attributes[name] ?? '')
}
