/**
 * Traces as a collector gets them from the running server: one run is one trace, whoever began it and whatever became of
 * its replicas, and no collector can harm a run.
 * @module
 */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFolder, toolAgentSource, agentSource } from './agents-folder.ts'
import { type Collector, type Span, startCollector } from './collector.ts'
import { until } from './condition.ts'
import { HAS_POSTGRES } from './database.ts'
import { startFleet } from './fleet.ts'
import { copyPreparedData } from './prepared-data.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { answerRun, joinEvents, queueRun, resumeRun, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { postRun, streamRun } from './stream.ts'

const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`
const SECRET = 'a-very-secret-word'
const KEY = 'sk-collector-key-123456'

const kindOf = ({ attributes }: Span) => String(attributes['openinference.span.kind'] ?? 'SERVER')
const only = (spans: readonly Span[], kind: string): Span => {
  const [span, ...more] = spans.filter((candidate) => kindOf(candidate) === kind)
  if (span === undefined || more.length > 0) throw new Error(`${more.length + 1} spans of ${kind}`)
  return span
}

/** Whom tools call; keeps the context of each request. */
async function startEcho() {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers['traceparent'] as string | undefined)
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('a collector', () => {
  const stack = new AsyncDisposableStack()
  let collector: Collector
  let provider: ProviderProcess
  let server: ServerProcess
  let echo: Awaited<ReturnType<typeof startEcho>>
  beforeAll(async () => {
    collector = stack.use(await startCollector())
    provider = stack.use(await startProvider({ record: 100 }))
    echo = stack.use(await startEcho())
    const folder = stack.use(
      await createFolder({
        'caller.ts': toolAgentSource('caller', `await (await fetch('${echo.url}')).text(); return '${SECRET}'`),
        'worker.ts': agentSource('worker'),
        'asker.ts': toolAgentSource('asker', `return 'ran'`, 'requiresConfirmation: true,'),
      }),
    )
    const data = stack.use(await copyPreparedData())
    server = stack.use(
      await startServer({
        dir: folder.path,
        dataDir: data.path,
        env: {
          ...provider.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${KEY}`,
          OTEL_SERVICE_NAME: 'shop',
          OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        },
      }),
    )
  })
  afterAll(() => stack.disposeAsync())

  test('gets a run with a tool as one trace, from the caller to whom the tool calls', async () => {
    const message = fake({ tool: 'act', text: 'Done' })
    await streamRun(server.url, 'caller', { message }, { headers: { traceparent: TRACEPARENT } })
    const spans = await collector.trace(CALLER.traceId, 5)
    expect(spans.map(kindOf).toSorted()).toEqual(['AGENT', 'LLM', 'LLM', 'SERVER', 'TOOL'])
    const request = only(spans, 'SERVER')
    const agent = only(spans, 'AGENT')
    const tool = only(spans, 'TOOL')
    expect(request).toMatchObject({ name: 'POST /agents/{id}/runs', parentSpanId: CALLER.spanId })
    expect(agent).toMatchObject({ name: 'caller.arun', parentSpanId: request.spanId, status: 'OK' })
    for (const span of spans.filter((other) => other !== request && other !== agent)) {
      expect(span).toMatchObject({ parentSpanId: agent.spanId, status: 'OK' })
      expect(span.startMs).toBeGreaterThanOrEqual(agent.startMs)
      expect(span.endMs).toBeLessThanOrEqual(agent.endMs)
    }
    expect(echo.seen).toEqual([`00-${CALLER.traceId}-${tool.spanId}-01`])
    const [resource] = spans.map((span) => span.resource)
    expect(resource).toMatchObject({ 'service.name': 'shop', 'deployment.environment.name': 'test' })
    expect(agent.attributes).toMatchObject({ 'agent.name': 'caller', 'gen_ai.operation.name': 'invoke_agent' })
  })

  test('gets the headers of the settings, and nobody else sees them', async () => {
    expect(collector.headers()).toMatchObject({ authorization: `Bearer ${KEY}` })
    expect(server.output()).not.toContain(KEY)
    expect(server.log).toContainEqual(expect.objectContaining({ message: 'traces arrive at the collector' }))
  })

  test('gets no words of users, models and tools', async () => {
    const spans = await collector.trace(CALLER.traceId, 5)
    expect(JSON.stringify(spans)).not.toContain(SECRET)
    expect(JSON.stringify(spans)).not.toContain('Done')
  })

  test('gets an error as one, also when it was streamed', async () => {
    const frames = await streamRun(server.url, 'worker', { message: fake({ fail: 400, say: 'out of order' }) })
    const runId = frames.map(({ json }) => ('run_id' in json ? json.run_id : undefined)).find(Boolean)
    const agent = await until('the span of the run', () =>
      collector.spans().find(({ attributes }) => attributes['agno.run.id'] === runId),
    )
    expect(agent).toMatchObject({ status: 'ERROR', attributes: { 'error.type': 'MODEL_REJECTED' } })
    const spans = await collector.trace(agent.traceId, 3)
    expect(only(spans, 'LLM')).toMatchObject({ status: 'ERROR', parentSpanId: agent.spanId })
    expect(agent.parentSpanId).toBe(only(spans, 'SERVER').spanId)
  })

  test('gets a run that was answered as one trace, the answer in it', async () => {
    const message = fake({ tool: 'act', text: 'Done' })
    const paused = await createClient({ baseUrl: server.url }).run('asker', { message })
    const run = { agentId: 'asker', runId: paused.run_id, sessionId: paused.session_id }
    const tools = (paused.tools ?? []).map((tool) => ({ ...tool, confirmed: true }))
    expect(await answerRun(server.url, run, tools)).toMatchObject({ status: 'COMPLETED' })
    const first = await until('the first attempt', () =>
      collector.spans().find(({ attributes }) => attributes['agno.run.id'] === run.runId),
    )
    const spans = await collector.trace(first.traceId, 7)
    const [request, answer] = spans.filter((span) => kindOf(span) === 'SERVER')
    const [root, second] = spans.filter((span) => kindOf(span) === 'AGENT')
    expect(root).toMatchObject({ parentSpanId: request?.spanId, attributes: { 'agentos.run.status': 'PAUSED' } })
    expect(second).toMatchObject({ parentSpanId: root?.spanId, attributes: { 'agentos.run.origin': 'continue' } })
    expect(answer).toMatchObject({ name: 'POST /agents/{id}/runs/{run_id}/continue', parentSpanId: root?.spanId })
    expect(only(spans, 'TOOL').parentSpanId).toBe(second?.spanId)
  })

  test('gets a fork as a trace of its own that points to its source, and the request that asked for it in the other', async () => {
    const source = await createClient({ baseUrl: server.url }).run('worker', { message: fake({ text: 'One' }) })
    const path = `${server.url}/agents/worker/runs/${source.run_id}/continue`
    const body = new URLSearchParams({ session_id: source.session_id, input: fake({ text: 'Two' }), stream: 'false' })
    const fork = (await (await fetch(path, { method: 'POST', body })).json()) as { readonly run_id: string }
    const spanOf = (runId: string) =>
      until(`the span of ${runId}`, () =>
        collector.spans().find(({ attributes }) => attributes['agno.run.id'] === runId),
      )
    const [original, forked] = await Promise.all([spanOf(source.run_id), spanOf(fork.run_id)])
    expect(forked.traceId).toBe(fork.run_id.replaceAll('-', ''))
    const spans = await collector.trace(original.traceId, 4)
    const request = spans.find(({ name }) => name === 'POST /agents/{id}/runs/{run_id}/continue')
    expect(request).toMatchObject({ parentSpanId: original.spanId })
    expect(forked.links).toEqual(
      [original, request].map((span) => ({ traceId: original.traceId, spanId: span?.spanId })),
    )
  })

  test('gets the requests that follow and cancel a run below it, or pointing to it from the trace of their caller', async () => {
    const run = await queueRun(server.url, 'worker', { message: fake({ text: 'Slowly', first: 500 }) })
    const streams = await Promise.all([resumeRun(server.url, run, -1), joinEvents(server.url, run, -1)])
    const headers = { traceparent: TRACEPARENT }
    const path = `${server.url}/agents/worker/runs/${run.runId}`
    await fetch(`${path}/cancel`, { method: 'POST', headers })
    await Promise.all(streams.map((response) => response.text()))
    const agent = await until('the span of the run', () =>
      collector.spans().find(({ attributes }) => attributes['agno.run.id'] === run.runId),
    )
    const spans = await collector.trace(agent.traceId, 4)
    const followers = spans.filter(({ name }) => /resume|events/.test(name))
    expect(followers.map(({ name }) => name).toSorted()).toEqual([
      'GET /agents/{id}/runs/{run_id}/events',
      'POST /agents/{id}/runs/{run_id}/resume',
    ])
    for (const span of followers) expect(span).toMatchObject({ parentSpanId: agent.spanId, status: 'OK' })
    const cancel = await until('the span of the cancel', () =>
      collector.spans().find(({ name }) => name.endsWith('/cancel')),
    )
    expect(cancel).toMatchObject({
      traceId: CALLER.traceId,
      parentSpanId: CALLER.spanId,
      links: [{ traceId: agent.traceId, spanId: agent.spanId }],
    })
  })

  test('is nothing that a model provider hears of', async () => {
    for (const request of await provider.requests()) expect(JSON.stringify(request)).not.toContain('traceparent')
  })

  test('gets what waits before the server ends', async () => {
    const before = collector.spans().length
    await streamRun(server.url, 'worker', { message: fake({ text: 'Bye' }) })
    expect(await server.stop()).toBe(0)
    expect(collector.spans().length - before).toBe(3)
  })
})

describe.each([
  ['hanging', 'do not arrive'],
  ['refusing', 'do not arrive'],
  ['slow', 'arrive'],
  ['absent', 'do not arrive'],
] as const)('a collector that is %s', (mood, said) => {
  test('changes nothing for runs, and little for the end of the server', async () => {
    await using collector = await startCollector(mood === 'absent' ? 'well' : mood)
    const url = mood === 'absent' ? 'http://127.0.0.1:9' : collector.url
    await using provider = await startProvider()
    await using folder = await createFolder({ 'worker.ts': agentSource('worker') })
    await using data = await copyPreparedData()
    await using server = await startServer({
      dir: folder.path,
      dataDir: data.path,
      env: { ...provider.env, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` },
    })
    const client = createClient({ baseUrl: server.url })
    const took: number[] = []
    for (let run = 0; run < 20; run++) {
      const begun = performance.now()
      expect(await client.run('worker', { message: fake({ text: 'Fine' }) })).toMatchObject({ content: 'Fine' })
      took.push(performance.now() - begun)
    }
    expect(Math.max(...took.slice(5))).toBeLessThan(500)
    const begun = performance.now()
    expect(await server.stop()).toBe(0)
    expect(performance.now() - begun).toBeLessThan(9_000)
    expect(server.log).toContainEqual(expect.objectContaining({ message: `traces ${said} at the collector` }))
  })
})

test.skipIf(!HAS_POSTGRES)('a run whose replica was killed is one trace, with the lost attempt in it', async () => {
  await using collector = await startCollector()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
  await using fleet = await startFleet({ replicas: 2, env })
  const script = { id: 'killed', tool: 'keyed', args: { id: 'killed', gate: 'open' }, text: 'Done' }
  const response = await postRun(
    fleet.replica(0).url,
    'desk',
    { message: fake(script), background: 'true', stream: 'false' },
    { headers: { traceparent: TRACEPARENT } },
  )
  const { run_id: runId, session_id: sessionId } = (await response.json()) as Record<'run_id' | 'session_id', string>
  const effect = await fleet.effects.happened('killed')
  const victim = fleet.replica(0).pid === effect.pid ? 0 : 1
  await fleet.kill(victim)
  await fleet.effects.open('open')
  await waitForRest(fleet.replica(1 - victim).url, { agentId: 'desk', runId, sessionId })
  const spans = await until('the trace', () => {
    const found = collector.spans().filter(({ traceId }) => traceId === CALLER.traceId)
    return found.filter((span) => kindOf(span) === 'AGENT').length === 2 && found
  })
  const attempts = spans.filter((span) => kindOf(span) === 'AGENT')
  const lost = attempts.find(({ attributes }) => attributes['agentos.run.attempt'] === 1)
  const second = attempts.find(({ attributes }) => attributes['agentos.run.attempt'] === 2)
  expect(lost).toMatchObject({ status: 'ERROR', message: 'replica lost' })
  expect(second).toMatchObject({ status: 'OK', parentSpanId: lost?.spanId })
  expect(second?.attributes).toMatchObject({ 'agentos.run.origin': 'recover', 'agno.run.id': runId })
  expect(only(spans, 'TOOL')).toMatchObject({ name: 'keyed', parentSpanId: second?.spanId })
  // What it had committed before it died, told of by who took it up.
  const [committed] = spans.filter(({ attributes }) => attributes['agentos.attempt.lost'] === true)
  expect(committed).toMatchObject({ name: 'chat fake', parentSpanId: lost?.spanId, status: 'OK' })
  expect(committed?.endMs).toBeLessThanOrEqual(second?.startMs ?? 0)
  // The request may have been the victim's; its span is lost then, as is whatever the victim had not sent.
  for (const request of spans.filter((span) => kindOf(span) === 'SERVER')) {
    expect(request.parentSpanId).toBe(CALLER.spanId)
    expect(lost?.parentSpanId).toBe(request.spanId)
  }
})

test.skipIf(!HAS_POSTGRES)(
  'a run whose replica was killed twice is one trace, with both lost attempts in it',
  async () => {
    await using collector = await startCollector()
    await using fleet = await startFleet({ replicas: 3, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
    const args = { id: 'twice', gate: 'gate$call' }
    const message = fake({ id: 'twice', tool: 'keyed', args, calls: 2, text: 'Done' })
    const run = await queueRun(fleet.replica(0).url, 'desk', { message })
    const alive = new Set([0, 1, 2])
    const killOwner = async (effects: number) => {
      const { pid } = await fleet.effects.happened('twice', effects)
      const owner = [...alive].find((index) => fleet.replica(index).pid === pid)
      if (owner === undefined) throw new Error(`no replica has the process id ${pid}`)
      alive.delete(owner)
      await fleet.kill(owner)
    }
    await killOwner(1)
    await fleet.effects.happened('twice', 2)
    await fleet.effects.open('gate1')
    await killOwner(3)
    await fleet.effects.open('gate2')
    const [last] = fleet.urls()
    expect(await waitForRest(last ?? '', run)).toMatchObject({ status: 'COMPLETED' })
    const spans = await until('the trace', () => {
      const found = collector.spans().filter((span) => kindOf(span) !== 'SERVER')
      return found.filter((span) => kindOf(span) === 'AGENT').length === 3 && found
    })
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    const ofAttempt = (number: number) => {
      const [agent, ...more] = spans.filter(({ attributes }) => attributes['agentos.run.attempt'] === number)
      if (agent === undefined || more.length > 0) throw new Error(`${more.length + 1} spans of attempt ${number}`)
      const below = spans.filter(({ parentSpanId, attributes }) => {
        return parentSpanId === agent.spanId && attributes['agentos.run.attempt'] === undefined
      })
      return { agent, calls: below.toSorted((a, b) => a.startMs - b.startMs).map(({ name }) => name) }
    }
    const [first, second, third] = [ofAttempt(1), ofAttempt(2), ofAttempt(3)]
    expect(first).toMatchObject({ agent: { status: 'ERROR', message: 'replica lost' }, calls: ['chat fake'] })
    expect(second).toMatchObject({ agent: { status: 'ERROR', message: 'replica lost' }, calls: ['keyed', 'chat fake'] })
    expect(third).toMatchObject({ agent: { status: 'OK' }, calls: ['keyed', 'chat fake'] })
    for (const { agent } of [second, third]) {
      expect(agent).toMatchObject({ parentSpanId: first.agent.spanId, attributes: { 'agentos.run.origin': 'recover' } })
    }
    expect(first.agent.endMs).toBeLessThanOrEqual(second.agent.startMs)
    expect(second.agent.endMs).toBeLessThanOrEqual(third.agent.startMs + 1_000)
    expect(spans).toHaveLength(8)
  },
)
