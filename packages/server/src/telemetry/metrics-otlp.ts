/**
 * Pushes metrics to a collector over OTLP/gRPC, again and again. A collector that is down, slow or hanging costs one
 * export under way and one line of the log when that begins and ends.
 * @module
 */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import type { Log } from './log.ts'
import type { Collected } from './metrics-instruments.ts'

export type OtlpMetricsOptions = {
  /** `http://host:4317`, or `https://` for TLS. */
  readonly url: string
  /** Milliseconds between two exports. */
  readonly everyMs: number
}

export type OtlpMetrics = {
  /** Exports once more, for at most `ms` milliseconds, and stops. Never rejects. */
  readonly close: (ms: number) => Promise<void>
}

/** Longest export, in milliseconds. */
const EXPORT_MS = 10_000

export function pushMetrics(
  { url, everyMs }: OtlpMetricsOptions,
  collect: () => Promise<Collected>,
  log: Log,
): OtlpMetrics {
  const exporter = new OTLPMetricExporter({ url, timeoutMillis: EXPORT_MS })
  // An address may carry a password.
  const address = new URL(url).host
  let underway: Promise<void> | undefined
  let isFailing = false

  async function exportOnce(): Promise<void> {
    try {
      const collected = await collect()
      const result = await new Promise<{ error?: Error }>((done) => exporter.export(collected, done))
      if (result.error !== undefined) throw result.error
      if (isFailing) log.info('metrics reach the collector again', { address })
      isFailing = false
    } catch (error) {
      if (!isFailing) log.warn('metrics did not reach the collector', { address, error })
      isFailing = true
    }
  }
  const push = () => (underway ??= exportOnce().finally(() => (underway = undefined)))
  const finish = async () => {
    // One that is under way does not have the last values.
    await underway
    await push()
    // It rejects for what could not be sent, which was logged.
    await exporter.shutdown().catch(() => undefined)
  }
  const timer = setInterval(() => void push(), everyMs)
  return {
    async close(ms) {
      clearInterval(timer)
      const patience = Promise.withResolvers<void>()
      const limit = setTimeout(patience.resolve, ms)
      await Promise.race([finish(), patience.promise])
      clearTimeout(limit)
    },
  }
}
