/**
 * Metrics of a server: made at the start, told by its parts, shown on a port of their own and pushed to a collector as the
 * settings say.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Config } from '../config/load.ts'
import { VERSION } from '../config/version.ts'
import type { Generation } from '../loader/generation.ts'
import type { Registry } from '../loader/registry.ts'
import type { Executor, Runs } from '../runs/runs.ts'
import type { Database } from '../storage/database.ts'
import { countByStatus } from '../storage/knowledge/contents.ts'
import { readFleetState, readStorageSize } from '../storage/fleet-state.ts'
import { readScheduleHealth } from '../storage/schedules/schedule-runs.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { createCostOf, LIST_PRICES, parsePrices, type PriceTable } from '../telemetry/prices.ts'
import { readPairs } from './name-value.ts'

/** How long the last export may take when the server stops, in milliseconds. */
const LAST_PUSH_MS = 2000
const OTLP_HTTP_PORT = '4318'
const OTLP_GRPC_PORT = '4317'
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

type MetricsDeps = {
  readonly clock: Clock
  readonly replicaId: string
  /** Directory that a relative path of the price table starts from. */
  readonly workingDirectory: string
}

/** @throws {AgentOSError} CONFIG_INVALID when AGENTOS_MODEL_PRICES cannot be used */
export async function openMetrics(
  { settings }: Config,
  { clock, replicaId, workingDirectory }: MetricsDeps,
): Promise<Metrics> {
  const file = settings.AGENTOS_MODEL_PRICES
  const prices = file === undefined ? LIST_PRICES : await readPrices(resolve(workingDirectory, file))
  return createMetrics({
    resource: {
      'service.version': VERSION,
      'service.instance.id': replicaId,
      'service.name': settings.AGENTOS_ID,
      ...readPairs(settings.OTEL_RESOURCE_ATTRIBUTES),
      ...(settings.OTEL_SERVICE_NAME !== undefined && { 'service.name': settings.OTEL_SERVICE_NAME }),
    },
    costOf: createCostOf(prices),
    clock,
  })
}

async function readPrices(path: string): Promise<PriceTable> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new AgentOSError('CONFIG_INVALID', `AGENTOS_MODEL_PRICES: ${path} cannot be read: ${reason}`, {
      cause: error,
    })
  }
  return parsePrices(text)
}

type Parts = {
  readonly database: Database
  readonly runs: Runs
  readonly registry: Registry
  readonly replicaId: string
  readonly tracing: Pick<Tracing, 'queued'>
}

/** From now on the parts of the server are asked whenever metrics are collected. */
export function observeParts(
  { settings }: Config,
  metrics: Metrics,
  { database, runs, registry, replicaId, tracing }: Parts,
): void {
  const lease = { replicaId, leaseMs: settings.AGENTOS_LEASE_MS }
  metrics.observe({
    activeRuns: runs.running,
    pools: database.pools,
    generations: registry.status,
    spans: tracing.queued,
    fleet: () => readFleetState(database.background, lease),
    schedules: () => readScheduleHealth(database.background),
    knowledge: () => countByStatus(database.background),
    storageSize: () => readStorageSize(database.background),
  })
}

/** A generation whose attempts are counted. */
export function countAttempts({ revision, manifest, start, retain }: Generation, metrics: Metrics): Executor {
  return {
    revision,
    agents: manifest.agents,
    start: (job, handlers) => {
      metrics.attemptStarted(job)
      return start(job, handlers)
    },
    retain,
  }
}

/**
 * Shows and pushes metrics. To be called once the server listens: loading the exporters takes a while.
 * @throws {Error} with code EADDRINUSE or EACCES when AGENTOS_METRICS_PORT cannot be listened on
 */
export async function startOutputs({ settings }: Config, metrics: Metrics, log: Log): Promise<AsyncDisposableStack> {
  await using started = new AsyncDisposableStack()
  const shown = metricsAddress(settings)
  if (shown !== undefined) {
    const { servePrometheus } = await import('../telemetry/metrics-prometheus.ts')
    const server = await servePrometheus(shown, metrics.collect, log)
    started.defer(server.close)
    log.info('metrics are shown', { address: server.url })
  }
  const url = metricsEndpoint(settings)
  if (url !== undefined) {
    const { pushMetrics } = await import('../telemetry/metrics-otlp.ts')
    const pushing = pushMetrics({ url, everyMs: settings.OTEL_METRIC_EXPORT_INTERVAL }, metrics.collect, log)
    started.defer(() => pushing.close(LAST_PUSH_MS))
    log.info('metrics are pushed', { address: new URL(url).host, every_ms: settings.OTEL_METRIC_EXPORT_INTERVAL })
  }
  return started.move()
}

/** Where metrics are shown, if they are; 0 takes a free port. */
export function metricsAddress({
  AGENTOS_METRICS_PORT: port,
  AGENTOS_HOST,
}: Config['settings']): { readonly host: string; readonly port: number } | undefined {
  if (port === undefined) return undefined
  return { host: LOOPBACK.test(AGENTOS_HOST) ? '127.0.0.1' : AGENTOS_HOST, port }
}

/** The general endpoint is most often that of OTLP/HTTP; collectors take gRPC on the port before it. */
export function metricsEndpoint({
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
  OTEL_EXPORTER_OTLP_ENDPOINT,
}: Config['settings']): string | undefined {
  if (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT !== undefined) return OTEL_EXPORTER_OTLP_METRICS_ENDPOINT
  if (OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return undefined
  const url = new URL(OTEL_EXPORTER_OTLP_ENDPOINT)
  if (url.port === OTLP_HTTP_PORT) url.port = OTLP_GRPC_PORT
  return url.href
}
