import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { type Environment, loadConfig } from '../config/load.ts'
import { createLog } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { accept, startMetricsCollector } from '../telemetry/testing/metrics-collector.ts'
import { openMetrics, startOutputs } from './metrics.ts'

const lines: Record<string, unknown>[] = []
const write = (line: string) => void lines.push(JSON.parse(line))
const log = createLog({ level: 'info', format: 'json', redact: (text) => text, write })
let metrics: Metrics | undefined

beforeEach(() => void (lines.length = 0))
afterEach(() => metrics?.close())

async function start(env: Environment): Promise<AsyncDisposableStack> {
  const config = loadConfig(env)
  metrics = await openMetrics(config, { clock: systemClock, replicaId: 'replica-1', workingDirectory: '/' })
  return startOutputs(config, metrics, log)
}
const shownAt = () => String(lines.find(({ message }) => message === 'metrics are shown')?.['address'])

test('nothing is opened and nothing is pushed unless a setting says so', async () => {
  await using _ = await start({})
  expect(lines).toEqual([])
})

test('metrics are shown on the loopback address, or where the server is open to the network', async () => {
  {
    await using _ = await start({ AGENTOS_METRICS_PORT: '0' })
    expect(shownAt()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  }
  lines.length = 0
  await using _ = await start({ AGENTOS_METRICS_PORT: '0', AGENTOS_HOST: '0.0.0.0', OS_SECURITY_KEY: 'long-enough' })
  expect(shownAt()).toMatch(/^http:\/\/0\.0\.0\.0:\d+\/metrics$/)
})

test('the process says who it is, as the variables of OpenTelemetry tell it', async () => {
  await using _ = await start({
    AGENTOS_METRICS_PORT: '0',
    OTEL_SERVICE_NAME: 'shop',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=other',
  })
  const text = await (await fetch(shownAt())).text()
  const info = text.split('\n').find((line) => line.startsWith('target_info'))
  for (const part of ['service_name="shop"', 'service_instance_id="replica-1"', 'deployment_environment_name="test"']) {
    expect(info).toContain(part)
  }
})

test('the last values reach the collector when the server stops', async () => {
  await using collector = await startMetricsCollector(accept)
  const outputs = await start({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: collector.url })
  metrics?.workerEnded()
  expect(collector.received).toEqual([])
  await outputs.disposeAsync()
  expect(collector.received.map(({ body }) => body.includes('agentos.worker.ends'))).toEqual([true])
})

test('the endpoint of metrics goes before the general one, whose HTTP port becomes that of gRPC', async () => {
  const addressOf = async (env: Environment) => {
    lines.length = 0
    const outputs = await start(env)
    const pushed = lines.find(({ message }) => message === 'metrics are pushed')
    await outputs.disposeAsync()
    return pushed?.['address']
  }
  const general = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  expect(await addressOf(general)).toBe('127.0.0.1:4317')
  expect(await addressOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1/' })).toBe('127.0.0.1:1')
  const own = { ...general, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:2' }
  expect(await addressOf(own)).toBe('127.0.0.1:2')
})

test('a price table that cannot be read is refused with its path', async () => {
  await expect(start({ AGENTOS_MODEL_PRICES: 'no/such/file.json' })).rejects.toThrow(
    'AGENTOS_MODEL_PRICES: /no/such/file.json cannot be read',
  )
})
