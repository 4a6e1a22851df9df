/**
 * What a server needs beside its database: ports to listen on, and whom it sends traces and metrics to. One span is sent;
 * nothing else is changed, and what is listened on is closed at once.
 * @module
 */
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import type { Clock } from '../../base/clock.ts'
import type { Ids } from '../../base/ids.ts'
import type { Redact } from '../../base/redact.ts'
import type { Config } from '../../config/load.ts'
import { metricsAddress, metricsEndpoint } from '../../main/metrics.ts'
import { askCollector } from '../../main/tracing.ts'
import type { CollectorReport, PortReport } from './report.ts'

/** Longest time for one answer, in milliseconds. */
const PATIENCE_MS = 3000
const GRPC_PORT = 4317

type Deps = { readonly clock: Clock; readonly ids: Ids; readonly redact: Redact }

export async function examinePorts({ settings }: Config): Promise<PortReport[]> {
  const { AGENTOS_HOST: host, AGENTOS_PORT: port, AGENTOS_LOOPBACK_PORT: loopbackPort } = settings
  const shown = metricsAddress(settings)
  const wanted = [
    { setting: 'AGENTOS_PORT', host, port, path: '/health' },
    ...(loopbackPort === undefined
      ? []
      : [{ setting: 'AGENTOS_LOOPBACK_PORT', host: '127.0.0.1', port: loopbackPort, path: '/health/ready' }]),
    ...(shown === undefined ? [] : [{ setting: 'AGENTOS_METRICS_PORT', ...shown, path: '/metrics' }]),
  ]
  return Promise.all(
    wanted.map(async (one) => ({
      setting: one.setting,
      host: one.host,
      port: one.port,
      state: await examinePort(one),
    })),
  )
}

type Wanted = { readonly host: string; readonly port: number; readonly path: string }

async function examinePort({ host, port, path }: Wanted): Promise<PortReport['state']> {
  // Whichever is free is taken.
  if (port === 0) return 'free'
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return 'free'
  } catch (error) {
    // Of a host that is not this machine's, or a port that only an administrator may take.
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (!isTaken) return 'refused'
    return (await isAgentOS(host, port, path)) ? 'server' : 'taken'
  } finally {
    if (server.listening) await new Promise((done) => server.close(done))
  }
}

/** Whether what listens there answers as one of our servers does. */
async function isAgentOS(host: string, port: number, path: string): Promise<boolean> {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}${path}`
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return /"instantiated_at"|"reasons"|agentos_/.test(await answer.text())
  } catch (error) {
    // No HTTP, no answer, or not in time: it is no server of ours.
    if (error instanceof TypeError || error instanceof DOMException) return false
    throw error
  }
}

export async function examineCollectors(config: Config, deps: Deps): Promise<CollectorReport[]> {
  const [traces, metrics] = await Promise.all([
    askCollector(config, deps),
    reachMetrics(metricsEndpoint(config.settings)),
  ])
  const clean = (failure: string | undefined) => (failure === undefined ? null : deps.redact(failure))
  return [
    ...(traces === undefined ? [] : [{ ...traces, signal: 'traces' as const, failure: clean(traces.failure) }]),
    ...(metrics === undefined ? [] : [{ ...metrics, signal: 'metrics' as const, failure: clean(metrics.failure) }]),
  ]
}

/** Only whether somebody listens: metrics are sent by a server that has some. */
async function reachMetrics(endpoint: string | undefined) {
  if (endpoint === undefined) return undefined
  const { hostname, port, host, protocol } = new URL(endpoint)
  const fallback = protocol === 'https:' ? 443 : GRPC_PORT
  const socket = connect({ host: hostname.replaceAll(/^\[|\]$/g, ''), port: port === '' ? fallback : Number(port) })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)))
  try {
    await once(socket, 'connect')
    return { address: host, failure: undefined }
  } catch (error) {
    return { address: host, failure: error instanceof Error ? error.message : String(error) }
  } finally {
    socket.destroy()
  }
}
