import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { pushMetrics } from './metrics-otlp.ts'
import { accept, EXPORT_PATH, startMetricsCollector } from './testing/metrics-collector.ts'

const lines: Record<string, unknown>[] = []
const write = (line: string) => void lines.push(JSON.parse(line))
const log = createLog({ level: 'info', format: 'json', redact: (text) => text, write })
let metrics: Metrics

beforeEach(() => {
  lines.length = 0
  metrics = createMetrics({ resource: { 'service.name': 'pushed' }, costOf: () => undefined, clock: systemClock })
})
afterEach(() => metrics.close())

test('reach the collector again and again, and once more at the end', async () => {
  await using collector = await startMetricsCollector(accept)
  metrics.workerEnded()
  const pushing = pushMetrics({ url: collector.url, everyMs: 50 }, metrics.collect, log)
  await expect.poll(() => collector.received.length, { timeout: 5000 }).toBeGreaterThan(1)
  const before = collector.received.length
  metrics.revisionLoaded('swapped')
  await pushing.close(5000)
  expect(collector.received.length).toBeGreaterThan(before)
  const last = collector.received.at(-1)
  expect(last?.path).toBe(EXPORT_PATH)
  for (const text of ['pushed', 'agentos.worker.ends', 'agentos.generation.loads']) {
    expect(last?.body.includes(text)).toBe(true)
  }
  expect(lines).toEqual([])
})

test('a collector that is down is told once, and so is its return', async () => {
  let isDown = true
  await using collector = await startMetricsCollector((stream) => {
    if (!isDown) return accept(stream)
    // INVALID_ARGUMENT, which is not tried again.
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '3' }, { endStream: true })
  })
  const pushing = pushMetrics({ url: collector.url, everyMs: 20 }, metrics.collect, log)
  await expect.poll(() => collector.received.length, { timeout: 5000 }).toBeGreaterThan(3)
  isDown = false
  await expect.poll(() => lines.length, { timeout: 5000 }).toBe(2)
  await pushing.close(5000)
  expect(lines.map(({ level, message }) => `${String(level)} ${String(message)}`)).toEqual([
    'warn metrics did not reach the collector',
    'info metrics reach the collector again',
  ])
})

test('a collector that hangs gets one export at a time, and does not hold up the end', async () => {
  await using collector = await startMetricsCollector(() => {})
  const pushing = pushMetrics({ url: collector.url, everyMs: 1000 }, metrics.collect, log)
  const begun = performance.now()
  await pushing.close(100)
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(collector.received.length).toBeLessThanOrEqual(1)
})
