import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { formatPrometheus, servePrometheus } from './metrics-prometheus.ts'
import { METRICS, prometheusName } from './metrics-table.ts'

let metrics: Metrics
const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

beforeEach(() => {
  metrics = createMetrics({ resource: { 'service.name': 'test' }, costOf: () => undefined, clock: systemClock })
})
afterEach(() => metrics.close())

test('names have their unit, and counters end in _total', () => {
  expect(prometheusName(METRICS.requestDuration)).toBe('http_server_request_duration_seconds')
  expect(prometheusName(METRICS.runsEnded)).toBe('agentos_runs_ended_total')
  expect(prometheusName(METRICS.cpuTime)).toBe('process_cpu_time_seconds_total')
  expect(prometheusName(METRICS.storageSize)).toBe('agentos_storage_size_bytes')
  expect(prometheusName(METRICS.runsActive)).toBe('agentos_runs_active')
})

test('the text names metrics as the table derives them', async () => {
  metrics.revisionLoaded('failed')
  metrics.requestEnded({ method: 'GET', route: '/agents/{id}', status: 200, seconds: 0.02 })
  const text = formatPrometheus(await metrics.collect())
  expect(text).toContain('agentos_generation_loads_total{outcome="failed"} 1\n')
  expect(text).toContain('# TYPE http_server_request_duration_seconds histogram\n')
  expect(text).toMatch(
    /^http_server_request_duration_seconds_bucket\{http_request_method="GET",http_route="\/agents\/\{id\}",.*le="0.025"\} 1$/m,
  )
  expect(text).toMatch(/^http_server_request_duration_seconds_count\{.*\} 1$/m)
  expect(text).toMatch(/^target_info\{service_name="test".*\} 1$/m)
  expect(text).not.toContain('# UNIT')
})

test('is served on a port of its own, and nothing else is', async () => {
  metrics.workerEnded()
  const server = await servePrometheus({ host: '127.0.0.1', port: 0 }, metrics.collect, log)
  try {
    const answer = await fetch(server.url)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect(await answer.text()).toContain('agentos_worker_ends_total 1\n')
    const { origin } = new URL(server.url)
    for (const path of ['/', '/metrics/x', '/agents']) expect((await fetch(origin + path)).status).toBe(404)
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(404)
  } finally {
    await server.close()
  }
  await expect(fetch(server.url)).rejects.toThrow('fetch failed')
})

test('a port that is taken is refused', async () => {
  const server = await servePrometheus({ host: '127.0.0.1', port: 0 }, metrics.collect, log)
  const port = Number(new URL(server.url).port)
  await expect(servePrometheus({ host: '127.0.0.1', port }, metrics.collect, log)).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  await server.close()
})

test('a collection that fails is a 500 that says nothing of why', async () => {
  const server = await servePrometheus({ host: '127.0.0.1', port: 0 }, () => Promise.reject(new Error('secret')), log)
  const answer = await fetch(server.url)
  expect([answer.status, await answer.text()]).toEqual([500, 'metrics could not be collected\n'])
  await server.close()
})
