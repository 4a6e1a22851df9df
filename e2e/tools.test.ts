/**
 * Tools that misbehave: the model hears of it, or a person has to decide; the server answers on.
 * @module
 */
import { type Client, createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFolder, type Folder, toolAgentSource } from './agents-folder.ts'
import { until } from './condition.ts'
import { copyPreparedData, type DataDirectory } from './prepared-data.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { eventOf, streamRun } from './stream.ts'

const RESULT_BYTES = 65_536
const MESSAGE = '[fake:tool=act,text=Done]'
const AGENTS = {
  'throws.ts': toolAgentSource('throws', `throw new Error('the warehouse is closed')`),
  'hangs.ts': toolAgentSource('hangs', `await new Promise(() => {})`),
  'huge.ts': toolAgentSource('huge', `return 'x'.repeat(10_000_000)`),
  'circular.ts': toolAgentSource('circular', `const a = {}; a.a = a; return a`),
  'bigint.ts': toolAgentSource('bigint', `return { cents: 1n }`),
  'function.ts': toolAgentSource('function', `return () => 1`),
  'nothing.ts': toolAgentSource('nothing', ``),
  'rejects.ts': toolAgentSource('rejects', `Promise.reject(new Error('later')); return 'ok'`),
  'busy.ts': toolAgentSource('busy', `for (;;);`),
  'exits.ts': toolAgentSource('exits', `process.exit(7)`),
}

let provider: ProviderProcess
let folder: Folder
let data: DataDirectory
let server: ServerProcess
let client: Client
beforeAll(async () => {
  provider = await startProvider()
  folder = await createFolder(AGENTS)
  data = await copyPreparedData()
  const env = { ...provider.env, AGENTOS_TOOL_TIMEOUT_MS: '1000', AGENTOS_TOOL_RESULT_BYTES: String(RESULT_BYTES) }
  server = await startServer({ dir: folder.path, dataDir: data.path, env })
  client = createClient({ baseUrl: server.url })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await data?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
})

test.each([
  ['throws', 'throws', /the warehouse is closed/],
  ['hangs', 'hangs', /1000 ms|1 s|time/],
  ['returns a circle', 'circular', /./],
  ['returns a BigInt', 'bigint', /./],
])('a tool that %s is an error to the model, and the run goes on', async (_what, agent, reason) => {
  const frames = await streamRun(server.url, agent, { message: MESSAGE })
  const { tool, error } = eventOf(frames, 'ToolCallError')
  expect(tool.tool_call_error).toBe(true)
  expect(error).toMatch(reason)
  expect(error).not.toMatch(/ {4}at /)
  expect(eventOf(frames, 'RunCompleted').content).toBe('Done')
})

test('a tool that returns 10 MB is cut, with a notice', async () => {
  const run = await client.run('huge', { message: MESSAGE })
  expect(run.status).toBe('COMPLETED')
  const result = run.tools?.[0]?.result ?? ''
  expect(Buffer.byteLength(result)).toBeLessThan(RESULT_BYTES + 1_000)
  expect(result.slice(-300)).toMatch(/cut|truncated/i)
})

test.each([
  ['returns nothing', 'nothing'],
  ['returns a function', 'function'],
  ['leaves a rejection behind', 'rejects'],
])('a tool that %s does not end the run', async (_what, agent) => {
  expect(await client.run(agent, { message: MESSAGE })).toMatchObject({ status: 'COMPLETED', content: 'Done' })
})

test.each([
  ['loops for ever', 'busy'],
  ['exits the process', 'exits'],
])(
  'a tool that %s leaves its run to a person, and the agents serve again',
  { timeout: 40_000 },
  async (_what, agent) => {
    const slowest = { ms: 0 }
    let running = true
    const probe = (async () => {
      while (running) {
        const askedAt = performance.now()
        await client.health()
        slowest.ms = Math.max(slowest.ms, performance.now() - askedAt)
      }
    })()
    const frames = await streamRun(server.url, agent, { message: MESSAGE })
    running = false
    await probe
    // Nobody knows whether the tool did its work, and it must not do it twice.
    expect(frames.at(-1)?.json).toMatchObject({
      event: 'RunPaused',
      content: expect.stringMatching(/\w/),
      tools: [{ tool_name: 'act', external_execution_required: true }],
    })
    expect(slowest.ms).toBeLessThan(1_000)
    await until(
      'the agents to serve again',
      async () => {
        const run = await client.run('nothing', { message: MESSAGE }).catch(() => undefined)
        return run?.status === 'COMPLETED'
      },
      15_000,
    )
    expect(await client.ready()).toMatchObject({ ready: true })
  },
)
