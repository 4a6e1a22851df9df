/**
 * Model providers that misbehave: the run ends in an error that says what happened, and the key stays secret.
 * @module
 */
import { type Client, createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentSource, createFolder, type Folder } from './agents-folder.ts'
import { copyPreparedData, type DataDirectory } from './prepared-data.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { eventOf, streamRun, textOf } from './stream.ts'

const KEY = 'sk-fake-provider-key'

let provider: ProviderProcess
let folder: Folder
let data: DataDirectory
let server: ServerProcess
let client: Client
beforeAll(async () => {
  provider = await startProvider()
  folder = await createFolder({
    'worker.ts': agentSource('worker'),
    'keyless.ts': agentSource('keyless', `model: 'anthropic:claude-sonnet-4-5'`),
  })
  data = await copyPreparedData()
  server = await startServer({ dir: folder.path, dataDir: data.path, env: provider.env })
  client = createClient({ baseUrl: server.url })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await data?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
})

test.each([
  ['refuses the key', 'fail=401', 'MODEL_AUTH', /refused the key/],
  ['limits the rate', 'fail=429', 'MODEL_RATE_LIMITED', /429|rate|limit/i],
  ['fails', 'fail=500', 'MODEL_UNAVAILABLE', /500|not available|failed/i],
  ['refuses the request', 'fail=400', 'MODEL_REJECTED', /./],
  ['answers with a web page', 'fault=garbage', 'MODEL_BAD_ANSWER', /./],
  ['answers with nothing', 'fault=empty', 'MODEL_BAD_ANSWER', /./],
  ['breaks off its answer', 'fault=cut,tokens=20', 'MODEL_UNAVAILABLE', /./],
  ['closes the connection', 'fault=reset', 'MODEL_UNAVAILABLE', /closed the connection/],
  ['sends a frame that is no JSON', 'fault=sse,tokens=20', 'MODEL_', /./],
  ['sends an error as a frame', 'fault=chunk-error,tokens=20', 'MODEL_', /./],
])('a provider that %s', { timeout: 30_000 }, async (_what, script, code, sentence) => {
  const message = `Hello [fake:${script}]`
  const [frames, stored] = await Promise.all([
    streamRun(server.url, 'worker', { message }),
    client.run('worker', { message }),
  ])
  const error = eventOf(frames, 'RunError')
  expect(frames.at(-1)?.json).toBe(error)
  expect(error.error_id).toContain(code)
  expect(error.content).toMatch(sentence)
  // One sentence for a person: no stack, no page, no JSON of the provider's.
  expect(error.content).not.toMatch(/\n|<html|\{"| {4}at /)

  expect(stored).toMatchObject({ status: 'ERROR', content: expect.stringMatching(sentence) })
  expect(JSON.stringify(frames) + JSON.stringify(stored) + server.output()).not.toContain(KEY)
})

test('a provider that fails once is asked again', async () => {
  const frames = await streamRun(server.url, 'worker', { message: '[fake:fail=500,times=1,text=Fine%20now]' })
  expect(textOf(frames)).toBe('Fine now')
  expect(eventOf(frames, 'RunCompleted').content).toBe('Fine now')
})

test('a session goes on after a run that failed', async () => {
  const failed = await client.run('worker', { message: '[fake:fail=401]' })
  const { session_id } = failed
  const next = await client.run('worker', { message: '[fake:text=Fine]', session_id })
  expect([failed.status, next.status, next.content]).toEqual(['ERROR', 'COMPLETED', 'Fine'])
})

test('an agent whose provider has no key loads, and its runs say which variable is missing', async () => {
  const frames = await streamRun(server.url, 'keyless', { message: 'Hello' })
  expect(eventOf(frames, 'RunError')).toMatchObject({
    error_id: 'MODEL_KEY_MISSING',
    content: expect.stringContaining('ANTHROPIC_API_KEY'),
  })
})
