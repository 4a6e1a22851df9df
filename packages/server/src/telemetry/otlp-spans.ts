/**
 * Spans to an OpenTelemetry collector, by OTLP over HTTP in protobuf: the official exporter, fed with finished spans, so
 * that no SDK has to run where runs do. The exporter is imported when it is first used.
 * @module
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type HrTime, SpanKind as OtelKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { SpanRecord } from '../base/span.ts'

export type OtlpOptions = {
  /** Where spans are posted to, whole. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What the spans come from: `service.name` and so on. */
  readonly resource: Readonly<Record<string, string>>
  /** Of this server. */
  readonly version: string
  /** Longest time of one export, tries included, in milliseconds. */
  readonly timeoutMs: number
}

export type OtlpExport = {
  /** Rejects when the collector did not take the spans. */
  readonly export: (spans: readonly SpanRecord[]) => Promise<void>
  readonly close: () => Promise<void>
}

type Collector = {
  readonly exporter: SpanExporter
  readonly resource: ReadableSpan['resource']
  /** Ends its connections, those in use too, and makes no more. */
  readonly disconnect: () => void
}

const KINDS: Readonly<Record<SpanRecord['kind'], OtelKind>> = {
  AGENT: OtelKind.INTERNAL,
  CHAIN: OtelKind.INTERNAL,
  LLM: OtelKind.CLIENT,
  TOOL: OtelKind.INTERNAL,
  RETRIEVER: OtelKind.INTERNAL,
  SERVER: OtelKind.SERVER,
}

/** Whether the collector may take the same spans later: it was not reached, was busy, or had a fault of its own. */
export function mayPassAtCollector(error: unknown): boolean {
  const status = error instanceof Error && 'code' in error ? Number(error.code) : Number.NaN
  return !(status >= 400 && status < 500) || status === 408 || status === 429
}

export function createOtlpExport(options: OtlpOptions): OtlpExport {
  const scope = { name: 'agentos', version: options.version }
  let opened: Promise<Collector> | undefined
  const open = () => (opened ??= connect(options))
  return {
    async export(spans) {
      const { exporter, resource } = await open()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      exporter.export(
        spans.map((span) => toReadable(span, resource, scope)),
        ({ code, error }) => {
          // 0 is success; the enum lives in a package that this one has no other use for.
          if (code === 0) resolve()
          else reject(error ?? new Error('the collector refused the spans'))
        },
      )
      return promise
    },
    async close() {
      const collector = await opened?.catch(() => undefined)
      collector?.disconnect()
      // It waits for exports under way, which were given up before; why they failed is of no interest any more.
      void collector?.exporter.shutdown().catch(() => undefined)
    },
  }
}

async function connect({ url, headers, resource, timeoutMs }: OtlpOptions): Promise<Collector> {
  const [{ OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ])
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true })
  const limits = { timeoutMillis: timeoutMs, concurrencyLimit: 4 }
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, ...limits, httpAgentOptions: () => agent })
  const disconnect = () => {
    // The exporter tries again on its own account.
    agent.createConnection = () => {
      throw new Error('the server stopped')
    }
    agent.destroy()
  }
  return { exporter, resource: resourceFromAttributes(resource), disconnect }
}

function toReadable(
  span: SpanRecord,
  resource: ReadableSpan['resource'],
  instrumentationScope: ReadableSpan['instrumentationScope'],
): ReadableSpan {
  const { traceId, spanId, parentSpanId, name, kind, startMs, endMs, error } = span
  const context = (id: string) => ({ traceId, spanId: id, traceFlags: TraceFlags.SAMPLED })
  const lastMs = Math.max(startMs, endMs)
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => context(spanId),
    ...(parentSpanId !== null && { parentSpanContext: context(parentSpanId) }),
    startTime: toHrTime(startMs),
    endTime: toHrTime(lastMs),
    duration: toHrTime(lastMs - startMs),
    status: error === null ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error },
    attributes: toAttributes(span.attributes),
    links: (span.links ?? []).map((link) => ({ context: { ...link, traceFlags: TraceFlags.SAMPLED } })),
    events: [],
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function toAttributes(attributes: SpanRecord['attributes']): ReadableSpan['attributes'] {
  const isList = (value: unknown): value is readonly string[] => Array.isArray(value)
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, isList(value) ? [...value] : value]),
  )
}

function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}
