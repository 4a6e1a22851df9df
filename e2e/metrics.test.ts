/**
 * Metrics of the running server, as Prometheus and as people read them: what happens to runs, models, tools, requests and
 * revisions moves them.
 * @module
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentSource, createFolder, type Folder, toolAgentSource } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, ENGINES } from './database.ts'
import { startProvider } from './provider-process.ts'
import { queueRun, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { streamRun } from './stream.ts'

const PRICES = { 'openai-compatible:fake': { input: 1000, output: 2000 } }

/** Values by name and attributes, as Prometheus reads them. */
type Samples = ReadonlyMap<string, number>

function parse(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

/** The sum over all that have this name and these attributes; undefined where there is none. */
function sum(samples: Samples, name: string, ...attributes: readonly string[]): number | undefined {
  const found = [...samples].filter(
    ([key]) => key.split('{')[0] === name && attributes.every((text) => key.includes(text)),
  )
  return found.length === 0 ? undefined : found.reduce((total, [, value]) => total + value, 0)
}

describe.each(ENGINES)('on %s', (engine) => {
  const stack = new AsyncDisposableStack()
  let folder: Folder
  let server: ServerProcess
  let scrapeUrl = ''
  const scrape = async () => parse(await (await fetch(scrapeUrl)).text())

  beforeAll(async () => {
    const provider = stack.use(await startProvider())
    const database = stack.use(await createDatabase(engine))
    folder = stack.use(
      await createFolder({
        'worker.ts': agentSource('worker'),
        'desk.ts': toolAgentSource('desk', `if (input.city === 'Atlantis') throw new Error('it sank'); return 'sunny'`),
        'exits.ts': toolAgentSource('exits', 'process.exit(7)', `effect: 'read',`),
        'prices.json': JSON.stringify(PRICES),
      }),
    )
    const env = {
      ...provider.env,
      ...database.env,
      AGENTOS_METRICS_PORT: '0',
      AGENTOS_MODEL_PRICES: `${folder.path}/prices.json`,
      AGENTOS_RELOAD_DEBOUNCE_MS: '0',
      AGENTOS_MAX_ATTEMPTS: '2',
    }
    server = stack.use(await startServer({ dir: folder.path, env }))
    scrapeUrl = String(server.log.find(({ message }) => message === 'metrics are shown')?.['address'])
  })
  afterAll(() => stack.disposeAsync())

  test('a run moves those of runs, its model, its tokens and its cost', async () => {
    await streamRun(server.url, 'worker', { message: fake({ text: 'Hello there' }) })
    const samples = await scrape()
    const agent = 'gen_ai_agent_id="worker"'
    const model = 'gen_ai_request_model="fake"'
    expect(sum(samples, 'agentos_runs_started_total', agent)).toBe(1)
    expect(sum(samples, 'agentos_runs_ended_total', agent, 'outcome="completed"')).toBe(1)
    expect(sum(samples, 'agentos_run_duration_seconds_count', agent)).toBe(1)
    expect(sum(samples, 'agentos_run_time_to_first_token_seconds_count', agent)).toBe(1)
    expect(sum(samples, 'gen_ai_client_operation_duration_seconds_count', model)).toBe(1)
    expect(sum(samples, 'gen_ai_client_token_usage_count', model, 'input')).toBe(1)
    const input = sum(samples, 'agentos_model_tokens_total', model, 'kind="input"') ?? 0
    const output = sum(samples, 'agentos_model_tokens_total', model, 'kind="output"') ?? 0
    expect(Math.min(input, output)).toBeGreaterThan(0)
    expect(sum(samples, 'agentos_model_cost_total', model, agent)).toBeCloseTo((input * 1000 + output * 2000) / 1e6, 9)
    expect(sum(samples, 'agentos_runs_active')).toBe(0)
    expect(sum(samples, 'agentos_http_streams_open')).toBe(0)
  })

  test('tools are told by name and outcome', async () => {
    for (const city of ['Oslo', 'Atlantis']) {
      await streamRun(server.url, 'desk', { message: fake({ tool: 'act', args: { city }, text: 'Done' }) })
    }
    const samples = await scrape()
    const calls = (outcome: string) =>
      sum(samples, 'agentos_tool_duration_seconds_count', 'gen_ai_tool_name="act"', `outcome="${outcome}"`)
    expect([calls('ok'), calls('error')]).toEqual([1, 1])
  })

  test('a model that fails is an error of its call and of its run', async () => {
    await streamRun(server.url, 'worker', { message: fake({ fail: 401 }) })
    const samples = await scrape()
    const code = 'error_type="MODEL_AUTH"'
    expect(sum(samples, 'gen_ai_client_operation_duration_seconds_count', code)).toBe(1)
    expect(sum(samples, 'agentos_runs_ended_total', 'outcome="error"', code)).toBe(1)
  })

  test('an open stream, an active run and its lease are seen while they last', async () => {
    const leaving = new AbortController()
    const body = new URLSearchParams({ message: fake({ fault: 'hang' }) })
    const { signal } = leaving
    const answer = await fetch(`${server.url}/agents/worker/runs`, { method: 'POST', body, signal })
    const samples = await scrape()
    expect([sum(samples, 'agentos_http_streams_open'), sum(samples, 'agentos_runs_active')]).toEqual([1, 1])
    expect(sum(samples, 'agentos_generation_runs')).toBe(1)
    const client = createClient({ baseUrl: server.url })
    const runId = /"run_id":"([^"]+)"/.exec(
      new TextDecoder().decode((await answer.body?.getReader().read())?.value),
    )?.[1]
    await client.cancelRun('worker', runId ?? '')
    await until('the run to end', async () => sum(await scrape(), 'agentos_runs_active') === 0)
    expect(sum(await scrape(), 'agentos_runs_ended_total', 'outcome="cancelled"')).toBe(1)
    leaving.abort()
  })

  test('a worker that ends is told, with what was lost and recovered', async () => {
    const message = fake({ tool: 'act', args: { city: 'Oslo' }, text: 'Done' })
    const run = await queueRun(server.url, 'exits', { message })
    expect((await waitForRest(server.url, run)).status).toBe('ERROR')
    const samples = await scrape()
    expect(sum(samples, 'agentos_worker_ends_total')).toBe(2)
    expect(sum(samples, 'agentos_run_attempts_lost_total', 'gen_ai_agent_id="exits"')).toBe(2)
    expect(sum(samples, 'agentos_run_recoveries_total', 'gen_ai_agent_id="exits"')).toBe(1)
  })

  test('revisions are told, and those that do not load', async () => {
    // The worker that ended may still be on its way back.
    const isServing = async () => sum(await scrape(), 'agentos_generation_info', 'state="serving"') === 1
    await until('the revision to serve', isServing)
    await folder.write({ 'broken.ts': 'export default 1 +' })
    const failures = async () => sum(await scrape(), 'agentos_generation_loads_total', 'outcome="failed"') ?? 0
    await until('the failure to be told', async () => (await failures()) > 0)
    expect(sum(await scrape(), 'agentos_generation_stale')).toBe(1)
    await folder.remove('broken.ts')
    await until('the folder to be well again', async () => (await scrape()).get('agentos_generation_stale') === 0)
    expect(sum(await scrape(), 'agentos_generation_loads_total', 'outcome="swapped"')).toBe(1)
  })

  test('requests are told by route; the process and its storage are', async () => {
    await fetch(`${server.url}/agents/worker`)
    await fetch(`${server.url}/nowhere`)
    const samples = await scrape()
    expect(sum(samples, 'http_server_request_duration_seconds_count', '"/agents/{id}"', '"200"')).toBe(1)
    expect(sum(samples, 'http_server_request_duration_seconds_count', '"404"')).toBe(1)
    expect(sum(samples, 'agentos_storage_size_bytes')).toBeGreaterThan(1e6)
    expect(sum(samples, 'process_memory_usage_bytes')).toBeGreaterThan(1e7)
    for (const name of ['runs_waiting', 'queue_age_seconds', 'lease_age_seconds', 'lease_overdue_seconds']) {
      expect([name, sum(samples, `agentos_${name}`) !== undefined]).toEqual([name, true])
    }
    const pools = sum(samples, 'db_client_connection_max')
    expect(pools !== undefined).toBe(engine === 'postgres')
  })

  test('GET /api/metrics tells the same', async () => {
    const answer = await fetch(`${server.url}/api/metrics`)
    const { metrics } = (await answer.json()) as { metrics: { name: string; points: { value?: number }[] }[] }
    const started = metrics.find(({ name }) => name === 'agentos.runs.started')?.points ?? []
    const scraped = sum(await scrape(), 'agentos_runs_started_total')
    expect(started.reduce((total, { value = 0 }) => total + value, 0)).toBe(scraped)
  })

  test('the port shows nothing but metrics, and is gone with the server', async () => {
    const { origin, hostname } = new URL(scrapeUrl)
    expect(hostname).toBe('127.0.0.1')
    expect((await fetch(`${origin}/agents`)).status).toBe(404)
    await server.stop()
    await expect(fetch(scrapeUrl)).rejects.toThrow('fetch failed')
  })
})

test('a collector of metrics gets the headers of the settings, and nobody else sees them', async () => {
  const key = 'sk-metrics-key-123456'
  const seen: IncomingHttpHeaders[] = []
  const collector = createServer((request, response) => {
    seen.push(request.headers)
    response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': '0' }).end()
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  // It listens on a port, so its address has one.
  const { port } = collector.address() as AddressInfo
  await using folder = await createFolder({ 'a.ts': agentSource('a') })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => void collector.close())
  const env = {
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${key}`,
  }
  const server = stack.use(await startServer({ dir: folder.path, env }))
  const headers = await until('an export', () => seen[0])
  expect(headers).toMatchObject({ authorization: `Bearer ${key}` })
  expect(server.output()).not.toContain(key)
})

test('a price table that is wrong stops the start, with the entry', async () => {
  await using folder = await createFolder({ 'a.ts': agentSource('a'), 'prices.json': '{"gpt": 1}' })
  const starting = startServer({ dir: folder.path, env: { AGENTOS_MODEL_PRICES: `${folder.path}/prices.json` } })
  await expect(starting).rejects.toThrow('AGENTOS_MODEL_PRICES: gpt: the name must be provider:model')
})
