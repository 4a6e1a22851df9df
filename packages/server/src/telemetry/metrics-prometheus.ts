/**
 * Metrics in Prometheus' text format, and the server on a port of its own that shows them.
 * @module
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { Log } from './log.ts'
import type { Collected } from './metrics-instruments.ts'
import { METRICS, prometheusName } from './metrics-table.ts'

/** The exporter names metrics without their units and adds `_total` by itself. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.values(METRICS).map((metric) => [metric.name, prometheusName(metric).replace(/_total$/, '')]),
)

export function formatPrometheus({ resource, scopeMetrics }: Collected): string {
  const renamed = scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.map((metric) => {
      const { descriptor } = metric
      // The unit is in the name; `# UNIT` belongs to another format.
      return { ...metric, descriptor: { ...descriptor, name: NAMES.get(descriptor.name) ?? descriptor.name, unit: '' } }
    }),
  }))
  return new PrometheusSerializer(undefined, false, undefined, false, true).serialize({
    resource,
    scopeMetrics: renamed,
  })
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'

export type MetricsServer = { readonly url: string; readonly close: () => Promise<void> }

/**
 * Answers `GET /metrics`, without a key.
 * @throws {Error} with code EADDRINUSE or EACCES when the address cannot be listened on
 */
export async function servePrometheus(
  { host, port }: { readonly host: string; readonly port: number },
  collect: () => Promise<Collected>,
  log: Log,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?', 1)
    if (request.method !== 'GET' || path !== '/metrics') return void response.writeHead(404).end('GET /metrics\n')
    collect()
      .then((collected) => response.writeHead(200, { 'content-type': TEXT }).end(formatPrometheus(collected)))
      .catch((error: unknown) => {
        log.warn('metrics could not be collected', { error })
        response.writeHead(500).end('metrics could not be collected\n')
      })
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen({ host, port }, () => listening.resolve())
  await listening.promise
  // A server that listens on a port has an address of this shape.
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/metrics`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
