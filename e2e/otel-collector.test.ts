/**
 * Traces and metrics of the running server as the real OpenTelemetry Collector understands them: traces over OTLP/HTTP in
 * protobuf, metrics over OTLP/gRPC.
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFolder, toolAgentSource } from './agents-folder.ts'
import { until } from './condition.ts'
import { type OtelCollector, type OtlpMetric, type OtlpSpan, plain, startOtelCollector } from './otel-collector.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { fake } from './script.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { streamRun } from './stream.ts'

const COMMAND = process.env['OTEL_COLLECTOR']
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const CALLER_SPAN_ID = 'b7ad6b7169203331'
const RESOURCE = { 'service.name': 'shop', 'deployment.environment.name': 'a test' }
const KIND = { internal: 1, server: 2, client: 3 }
const OK = 1

describe.skipIf(COMMAND === undefined)('a real collector', () => {
  const stack = new AsyncDisposableStack()
  let collector: OtelCollector
  let server: ServerProcess
  beforeAll(async () => {
    collector = stack.use(await startOtelCollector(COMMAND ?? ''))
    const provider = stack.use(await startProvider())
    const folder = stack.use(await createFolder({ 'desk.ts': toolAgentSource('desk', `return 'sunny'`) }))
    const data = stack.use(await copyPreparedData())
    server = stack.use(
      await startServer({
        dir: folder.path,
        dataDir: data.path,
        env: {
          ...provider.env,
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.httpUrl}/v1/traces`,
          OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: collector.grpcUrl,
          OTEL_METRIC_EXPORT_INTERVAL: '1000',
          OTEL_SERVICE_NAME: 'shop',
          OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=a%20test',
        },
      }),
    )
    const message = fake({ tool: 'act', args: { city: 'Oslo' }, text: 'Done' })
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01` }
    await streamRun(server.url, 'desk', { message }, { headers })
  })
  afterAll(() => stack.disposeAsync())

  test('says at the start that traces arrive', async () => {
    const said = () => server.log.filter(({ message }) => message.endsWith('at the collector'))
    await until('a word on traces', () => said().length > 0)
    expect(said().map(({ message }) => message)).toEqual(['traces arrive at the collector'])
  })

  test('understands a run with a tool as one trace', async () => {
    const spans = await until('five spans', async () => {
      const found = (await collector.spans()).filter(({ traceId }) => traceId === TRACE_ID)
      return found.length >= 5 && found
    })
    const only = (kind: string | undefined): OtlpSpan => {
      const [span, ...more] = spans.filter(({ attributes }) => plain(attributes)['openinference.span.kind'] === kind)
      if (span === undefined || more.length > 0) throw new Error(`${more.length + 1} spans of ${kind}`)
      return span
    }
    const request = only(undefined)
    const agent = only('AGENT')
    expect(request).toMatchObject({ parentSpanId: CALLER_SPAN_ID, kind: KIND.server, status: { code: OK } })
    expect(agent).toMatchObject({ parentSpanId: request.spanId, kind: KIND.internal, name: 'desk.arun' })
    expect(plain(agent.attributes)).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.id': 'desk',
    })
    const tool = only('TOOL')
    expect(tool).toMatchObject({ parentSpanId: agent.spanId, kind: KIND.internal, name: 'act', status: { code: OK } })
    const calls = spans.filter(({ attributes }) => plain(attributes)['openinference.span.kind'] === 'LLM')
    expect(calls).toHaveLength(2)
    for (const call of calls) {
      expect(call).toMatchObject({ parentSpanId: agent.spanId, kind: KIND.client, name: 'chat fake' })
      expect(plain(call.attributes)['gen_ai.usage.input_tokens']).toBeGreaterThan(0)
    }
    for (const span of spans) {
      expect(plain(span.resource)).toMatchObject(RESOURCE)
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano))
      expect(span.spanId).toMatch(/^[0-9a-f]{16}$/)
    }
    expect(JSON.stringify(spans)).not.toContain('sunny')
  })

  test('understands the metrics of that run, with their kinds and units', async () => {
    const byName = await until('the metrics of the run', async () => {
      const metrics = new Map((await collector.metrics()).map((metric) => [metric.name, metric]))
      return metrics.has('agentos.runs.ended') && metrics
    })
    const metric = (name: string): OtlpMetric | undefined => byName.get(name)
    const ended = metric('agentos.runs.ended')
    expect(ended).toMatchObject({ unit: '{run}', sum: { isMonotonic: true } })
    expect(ended?.sum?.dataPoints.map(({ attributes, asDouble }) => [plain(attributes), asDouble])).toEqual([
      [{ 'gen_ai.agent.id': 'desk', outcome: 'completed' }, 1],
    ])
    const usage = metric('gen_ai.client.token.usage')
    expect(usage?.unit).toBe('{token}')
    expect(usage?.histogram?.dataPoints.map(({ count }) => Number(count))).toEqual([2, 2])
    expect(metric('agentos.tool.duration')).toMatchObject({ unit: 's', histogram: { dataPoints: [{ count: '1' }] } })
    expect(metric('process.memory.usage')).toMatchObject({ unit: 'By', gauge: { dataPoints: [expect.anything()] } })
    expect(plain(ended?.resource)).toMatchObject(RESOURCE)
  })
})
