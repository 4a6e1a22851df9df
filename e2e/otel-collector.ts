/**
 * The OpenTelemetry Collector as a process of its own: OTLP over HTTP and gRPC comes in, and what it understood is read
 * from the files it writes, as JSON.
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, startLocalServer } from '../tools/local-server.ts'

/** As OTLP has it in JSON, as far as tests look. */
export type OtlpAttribute = {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: string; readonly doubleValue?: number }
}

export type OtlpSpan = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes?: readonly OtlpAttribute[]
  readonly status?: { readonly code?: number; readonly message?: string }
  readonly resource: readonly OtlpAttribute[]
}

export type OtlpPoint = {
  readonly attributes?: readonly OtlpAttribute[]
  readonly asDouble?: number
  readonly asInt?: string
  readonly count?: string
  readonly sum?: number
}

export type OtlpMetric = {
  readonly name: string
  readonly unit?: string
  readonly sum?: { readonly dataPoints: readonly OtlpPoint[]; readonly isMonotonic?: boolean }
  readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] }
  readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] }
  readonly resource: readonly OtlpAttribute[]
}

export type OtelCollector = AsyncDisposable & {
  readonly httpUrl: string
  readonly grpcUrl: string
  /** All spans so far. */
  readonly spans: () => Promise<readonly OtlpSpan[]>
  /** What came with the last export; empty when nothing has come. */
  readonly metrics: () => Promise<readonly OtlpMetric[]>
}

/** @param command of the collector @throws {Error} with its last lines when it does not start */
export async function startOtelCollector(command: string): Promise<OtelCollector> {
  let grpcPort = 0
  let folder = ''
  const server = await startLocalServer({
    name: 'The OpenTelemetry Collector',
    prefix: 'agentos-e2e-collector-',
    env: {},
    prepare: async ({ cwd }) => void (folder = cwd),
    command: async (port) => {
      grpcPort = await freePort()
      const settings = join(folder, 'settings.yaml')
      await writeFile(settings, describeSettings(port, grpcPort, folder))
      return [command, '--config', settings]
    },
    ready: 'Everything is ready',
    stopSignal: 'SIGTERM',
  })
  return {
    httpUrl: `http://127.0.0.1:${server.port}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    spans: async () => (await readLines<TraceLine>(join(folder, 'traces.json'))).flatMap(spansOf),
    metrics: async () => (await readLines<MetricLine>(join(folder, 'metrics.json'))).slice(-1).flatMap(metricsOf),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

function describeSettings(httpPort: number, grpcPort: number, folder: string): string {
  return `receivers:
  otlp:
    protocols:
      http: { endpoint: '127.0.0.1:${httpPort}' }
      grpc: { endpoint: '127.0.0.1:${grpcPort}' }
exporters:
  file/traces: { path: '${folder}/traces.json', flush_interval: 100ms }
  file/metrics: { path: '${folder}/metrics.json', flush_interval: 100ms }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [otlp], exporters: [file/traces] }
    metrics: { receivers: [otlp], exporters: [file/metrics] }
`
}

type Resource = { readonly resource: { readonly attributes?: readonly OtlpAttribute[] } }
type Scoped<Key extends string, T> = Resource & { readonly [K in Key]: readonly T[] }
type TraceLine = {
  readonly resourceSpans: readonly Scoped<'scopeSpans', { readonly spans: readonly Omit<OtlpSpan, 'resource'>[] }>[]
}
type MetricLine = {
  readonly resourceMetrics: readonly Scoped<
    'scopeMetrics',
    { readonly metrics: readonly Omit<OtlpMetric, 'resource'>[] }
  >[]
}

function spansOf({ resourceSpans }: TraceLine): OtlpSpan[] {
  return resourceSpans.flatMap(({ resource: { attributes = [] }, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, resource: attributes }))),
  )
}

function metricsOf({ resourceMetrics }: MetricLine): OtlpMetric[] {
  return resourceMetrics.flatMap(({ resource: { attributes = [] }, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics.map((metric) => ({ ...metric, resource: attributes }))),
  )
}

/** One export is one line; the last one may still be under way. */
async function readLines<T>(file: string): Promise<T[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as T)
}

/** Attributes as plain values. */
export function plain(attributes: readonly OtlpAttribute[] = []): Record<string, string | number | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? doubleValue ?? (intValue === undefined ? undefined : Number(intValue)),
    ]),
  )
}
