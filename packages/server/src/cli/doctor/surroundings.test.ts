import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createIds } from '../../base/ids.ts'
import { createRedact } from '../../base/redact.ts'
import { type Environment, loadConfig } from '../../config/load.ts'
import { examineCollectors, examinePorts } from './surroundings.ts'

/** Somebody who listens on a free port of this machine. */
async function openHttp(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  const close = () => {
    server.closeAllConnections()
    return new Promise<void>((done) => server.close(() => done()))
  }
  return { port: address.port, [Symbol.asyncDispose]: close }
}

const ports = (environment: Environment) => examinePorts(loadConfig(environment))
const collectors = (environment: Environment) => {
  const config = loadConfig(environment)
  return examineCollectors(config, {
    clock: systemClock,
    ids: createIds(systemClock),
    redact: createRedact(config.secrets),
  })
}

test('a port is free, a server of ours has it, or something else has', async () => {
  await using ours = await openHttp((_, answer) => answer.end('{"status":"ok","instantiated_at":"2026"}'))
  await using metrics = await openHttp((_, answer) => answer.end('agentos_worker_ends_total 0'))
  await using other = await openHttp((_, answer) => answer.end('hello'))
  const wanted = { AGENTOS_PORT: String(ours.port), AGENTOS_METRICS_PORT: String(metrics.port) }
  const seen = await ports({ ...wanted, AGENTOS_LOOPBACK_PORT: String(other.port) })
  expect(seen.map(({ setting, state }) => [setting, state])).toEqual([
    ['AGENTOS_PORT', 'server'],
    ['AGENTOS_LOOPBACK_PORT', 'taken'],
    ['AGENTOS_METRICS_PORT', 'server'],
  ])
  const { port } = other
  await other[Symbol.asyncDispose]()
  expect(await ports({ AGENTOS_PORT: String(port) })).toEqual([
    { setting: 'AGENTOS_PORT', host: '127.0.0.1', port, state: 'free' },
  ])
  // What was listened on is free again.
  expect(await ports({ AGENTOS_PORT: String(port) })).toMatchObject([{ state: 'free' }])
})

test('an address that is not of this machine may not be listened on', async () => {
  const elsewhere = { AGENTOS_HOST: '203.0.113.9', AGENTOS_INSECURE: 'true', AGENTOS_PORT: '8000' }
  expect(await ports(elsewhere)).toMatchObject([{ state: 'refused' }])
})

test('a collector is sent one span and has somebody listening for metrics; without one there is nothing to say', async () => {
  expect(await collectors({})).toEqual([])
  const posted: string[] = []
  await using collector = await openHttp((request, answer) => {
    posted.push(`${request.method} ${request.url} ${String(request.headers['x-key'])}`)
    request.resume()
    answer.end()
  })
  const url = `http://127.0.0.1:${collector.port}`
  const seen = await collectors({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=hidden-key' })
  expect(seen).toEqual([
    { signal: 'traces', address: `${url}/v1/traces`, failure: null },
    { signal: 'metrics', address: `127.0.0.1:${collector.port}`, failure: null },
  ])
  expect(posted).toEqual(['POST /v1/traces hidden-key'])
})

test('why a collector does not take anything is told, without its keys', async () => {
  await using refusing = await openHttp((request, answer) => {
    request.resume()
    answer.writeHead(401).end(`no ${String(request.headers['x-key'])}`)
  })
  const seen = await collectors({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${refusing.port}/v1/traces`,
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=hidden-key',
  })
  expect(seen).toMatchObject([
    { signal: 'traces', failure: expect.stringMatching(/401|Unauthorized/i) },
    { signal: 'metrics', address: '127.0.0.1:1', failure: expect.stringContaining('ECONNREFUSED') },
  ])
  expect(JSON.stringify(seen)).not.toContain('hidden-key')
})
