/**
 * Traces of this server: which receivers the settings name, and whether the collector among them can be reached.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import type { Redact } from '../base/redact.ts'
import type { Config } from '../config/load.ts'
import { VERSION } from '../config/version.ts'
import type { Database } from '../storage/database.ts'
import { insertSpans } from '../storage/traces/spans.ts'
import type { Log } from '../telemetry/log.ts'
import { createOtlpExport, mayPassAtCollector, type OtlpExport } from '../telemetry/otlp-spans.ts'
import { createTracing, type SpanSink, type Tracing } from '../telemetry/tracing.ts'
import { readPairs } from './name-value.ts'

export type TracingDeps = {
  readonly database: Pick<Database, 'background'>
  readonly replicaId: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly redact: Redact
  /** Spans that never arrived. */
  readonly onDropped?: (sink: string, spans: number) => void
}

export type ServerTracing = Omit<Tracing, 'close'> & {
  /** Whether requests are recorded: there is somebody to tell of them. */
  readonly isDistributed: boolean
  /** Sends one span to the collector and logs whether it arrived. Never rejects. */
  readonly selfTest: () => Promise<void>
  /** Sends what waits, for a while, and ends. */
  readonly close: () => Promise<void>
}

/** Longest time for what waits when the server stops, in milliseconds. */
const FLUSH_MS = 5000
/** Longest export, in milliseconds: a process that ends waits for the one under way. */
const EXPORT_MS = 4000

export function openTracing(config: Config, deps: TracingDeps): ServerTracing {
  const { settings } = config
  const { log, redact, onDropped } = deps
  const url = settings.AGENTOS_TRACING ? endpointOf(config) : undefined
  const collector = url === undefined ? undefined : openCollector(config, url, deps)
  const sinks = settings.AGENTOS_TRACING ? sinksOf(config, deps, collector) : []
  const sampleRatio = settings.OTEL_TRACES_SAMPLER_ARG
  // A counter that begins with its first loss has not grown yet, as an alert sees it.
  for (const { name } of sinks) onDropped?.(name, 0)
  const tracing = createTracing({
    sinks,
    sampleRatio,
    redact,
    log,
    random: () => randomFraction(deps.ids),
    ...(onDropped && { onDropped }),
  })
  return {
    ...tracing,
    isDistributed: collector !== undefined,
    selfTest: async () => {
      if (collector !== undefined && url !== undefined) await sayHello(collector, url, deps)
    },
    close: async () => {
      await tracing.flush(FLUSH_MS)
      tracing.close()
      await collector?.close()
    },
  }
}

function sinksOf({ settings }: Config, { database }: TracingDeps, collector: OtlpExport | undefined): SpanSink[] {
  const content = settings.AGENTOS_TRACE_CONTENT
  const stored: SpanSink = {
    name: 'database',
    content: content === 'none' ? 'none' : 'values',
    isDistributed: false,
    export: (spans) => insertSpans(database.background, spans),
    mayPass: (error) => error instanceof AgentOSError && error.code === 'DATABASE_UNAVAILABLE',
  }
  const kept = settings.AGENTOS_TRACE_STORE ? [stored] : []
  if (collector === undefined) return kept
  const sent = { name: 'otlp', content: content === 'all' ? 'messages' : 'none', isDistributed: true } as const
  return [...kept, { ...sent, export: collector.export, mayPass: mayPassAtCollector }]
}

/** The endpoint of traces is taken as it is; the general one has a path for each kind of data. */
function endpointOf({ settings }: Config): string | undefined {
  const general = settings.OTEL_EXPORTER_OTLP_ENDPOINT
  return (
    settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ??
    (general === undefined ? undefined : `${general.replace(/\/$/, '')}/v1/traces`)
  )
}

function openCollector({ settings }: Config, url: string, { replicaId }: Pick<TracingDeps, 'replicaId'>): OtlpExport {
  return createOtlpExport({
    url,
    headers: readPairs(settings.OTEL_EXPORTER_OTLP_HEADERS),
    resource: {
      'service.version': VERSION,
      'service.instance.id': replicaId,
      'service.name': settings.AGENTOS_ID,
      ...readPairs(settings.OTEL_RESOURCE_ATTRIBUTES),
      ...(settings.OTEL_SERVICE_NAME !== undefined && { 'service.name': settings.OTEL_SERVICE_NAME }),
    },
    version: VERSION,
    timeoutMs: EXPORT_MS,
  })
}

/** A collector that drops everything looks like one that has nothing to show, so it is asked once, at the start. */
async function sayHello(collector: OtlpExport, url: string, { clock, ids, log }: TracingDeps): Promise<void> {
  const traceId = ids.uuid().replaceAll('-', '')
  const address = withoutPassword(url)
  const reason = await greet(collector, 'agentos.start', traceId, clock.now())
  if (reason === undefined) log.info('traces arrive at the collector', { address, trace_id: traceId })
  else log.warn('traces do not arrive at the collector', { address, reason })
}

export type CollectorAnswer = {
  readonly address: string
  /** Why a span did not arrive; undefined when it did. */
  readonly failure: string | undefined
}

/** Sends one span to the collector that the settings name. @returns undefined when they name none */
export async function askCollector(
  config: Config,
  { clock, ids }: Pick<TracingDeps, 'clock' | 'ids'>,
): Promise<CollectorAnswer | undefined> {
  const url = config.settings.AGENTOS_TRACING ? endpointOf(config) : undefined
  if (url === undefined) return undefined
  const collector = openCollector(config, url, { replicaId: ids.uuid() })
  try {
    const failure = await greet(collector, 'agentos.doctor', ids.uuid().replaceAll('-', ''), clock.now())
    return { address: withoutPassword(url), failure }
  } finally {
    await collector.close()
  }
}

/** Headers may carry keys; an address may carry a password. */
function withoutPassword(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** @returns why the span did not arrive; undefined when it did */
async function greet(collector: OtlpExport, name: string, traceId: string, at: number): Promise<string | undefined> {
  try {
    await collector.export([
      {
        traceId,
        spanId: traceId.slice(-16),
        parentSpanId: null,
        name,
        kind: 'SERVER',
        startMs: at,
        endMs: at,
        error: null,
        attributes: {},
        run: null,
      },
    ])
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Messages of Node name their code already.
  const code = 'code' in error && !error.message.includes(String(error.code)) ? String(error.code) : ''
  return [error.message, code].filter((text) => text !== '').join(', ') || error.name
}
