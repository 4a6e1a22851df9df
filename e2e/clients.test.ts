/**
 * Clients that misbehave: they leave, stop reading, send too much or nonsense, or have no key.
 * @module
 */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { type Client, createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentSource, createFolder, type Folder } from './agents-folder.ts'
import { until } from './condition.ts'
import { copyPreparedData, type DataDirectory } from './prepared-data.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { type Frame, postRun, readFrames, streamRun, textOf } from './stream.ts'

const BUFFER_BYTES = 65_536

let provider: ProviderProcess
let folder: Folder
let data: DataDirectory
let server: ServerProcess
let client: Client
beforeAll(async () => {
  provider = await startProvider()
  folder = await createFolder({ 'worker.ts': agentSource('worker') })
  data = await copyPreparedData()
  const env = { AGENTOS_DISCONNECT_GRACE: '0', AGENTOS_STREAM_BUFFER_BYTES: String(BUFFER_BYTES) }
  server = await startServer({ dir: folder.path, dataDir: data.path, env: { ...provider.env, ...env } })
  client = createClient({ baseUrl: server.url })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await data?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
})

test('a run whose client leaves is cancelled and keeps the text it had', async () => {
  const leaving = new AbortController()
  const response = await postRun(server.url, 'worker', { message: '[fake:tokens=600,rate=20]' }, leaving)
  const frames: Frame[] = []
  for await (const frame of readFrames(response)) {
    frames.push(frame)
    if (textOf(frames).split(' ').length > 5) break
  }
  leaving.abort()
  const { run_id, session_id } = frames[0]!.json
  const run = await until('the run to be cancelled', async () => {
    const stored = await client.getRun('worker', run_id, session_id)
    return stored.status === 'CANCELLED' && stored
  })
  expect(typeof run.content === 'string' && run.content.startsWith(textOf(frames))).toBe(true)
  await until('the model request to be given up', async () => (await provider.stats()).open === 0)
})

test('a client that stops reading is cut, and the others notice nothing', { timeout: 60_000 }, async () => {
  const { hostname, port } = new URL(server.url)
  // More than the kernel's socket buffers and ours together.
  const body = new URLSearchParams({ message: '[fake:huge=40000000]', session_id: 'stalled' }).toString()
  const socket = connect(Number(port), hostname)
  let received = 0
  socket.on('error', () => {})
  socket.once('data', (first: Buffer) => {
    received += first.length
    socket.pause()
  })
  socket.write(
    `POST /agents/worker/runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
  await once(socket, 'data')
  const healthy = await Promise.all(
    Array.from({ length: 5 }, () => streamRun(server.url, 'worker', { message: '[fake:tokens=40,rate=40]' })),
  )
  for (const frames of healthy) expect(frames.at(-1)?.event).toBe('RunCompleted')
  // Without a client the run is cancelled: the grace is 0.
  await until('the stalled client to be cut', async () => {
    const [run] = await client.sessions.runs('stalled')
    return run?.status === 'CANCELLED'
  })
  const closed = once(socket, 'close')
  socket.on('data', (chunk: Buffer) => (received += chunk.length)).resume()
  await closed
  expect(received).toBeLessThan(40_000_000)
})

test('a body of 50 MB is refused with 413 before it was all sent', async () => {
  const chunk = Buffer.alloc(1_048_576, 'x')
  const size = 50 * chunk.length
  const outgoing = request(`${server.url}/agents/worker/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': size },
  })
  // The server may close while we still send.
  outgoing.on('error', () => {})
  const answered = once(outgoing, 'response')
  let sent = 0
  const send = () => {
    while (sent < size && !outgoing.destroyed) {
      sent += chunk.length
      if (!outgoing.write(chunk)) return void outgoing.once('drain', send)
    }
  }
  send()
  const [response] = (await answered) as [IncomingMessage]
  const text = Buffer.concat(await Array.fromAsync(response)).toString()
  expect(response.statusCode).toBe(413)
  expect(JSON.parse(text)).toMatchObject({ error_id: 'BODY_TOO_LARGE' })
  expect(sent).toBeLessThan(size)
  outgoing.destroy()
  expect(await client.health()).toMatchObject({ status: 'ok' })
})

describe('a request that makes no sense', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  test.each([
    ['an unknown agent', '/agents/nobody/runs', form, 'message=Hello', 404],
    ['no message', '/agents/worker/runs', form, 'stream=false', 422],
    ['a wrong type', '/agents/worker/runs', form, 'message=Hello&retries=many', 422],
    ['a boolean that is none', '/agents/worker/runs', form, 'message=Hello&stream=perhaps', 422],
    ['a field with invalid JSON', '/agents/worker/runs', form, 'message=Hello&session_state=%7B%22a', 422],
    ['broken percent-encoding', '/agents/worker/runs', form, 'message=%E4%', 400],
    ['broken UTF-8', '/agents/worker/runs', form, Buffer.from([...Buffer.from('message=a'), 0xff, 0xfe, 0xc3]), 400],
    ['broken JSON', '/agents/worker/runs', { 'content-type': 'application/json' }, '{"message":', 422],
    ['an unknown type of body', '/agents/worker/runs', { 'content-type': 'image/png' }, 'x', 415],
    ['an unknown route', '/no/such/route', form, '', 404],
  ])('%s', async (_what, path, headers, body, status) => {
    const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body })
    const text = await response.text()
    expect({ status: response.status, text }).toMatchObject({ status })
    expect(text).not.toMatch(/ {4}at |node_modules/)
    expect(JSON.parse(text)).toHaveProperty('error_id')
  })
})

test('with a key, whoever has none sees only the open routes', async () => {
  const key = 'a-long-enough-key'
  await using own = await copyPreparedData()
  const env = { ...provider.env, OS_SECURITY_KEY: key }
  await using locked = await startServer({ dir: folder.path, dataDir: own.path, env })
  const guest = createClient({ baseUrl: locked.url })
  const stranger = createClient({ baseUrl: locked.url, key: `${key}x` })
  const denied = { status: 401, errorId: 'UNAUTHORIZED' }
  for (const caller of [guest, stranger]) {
    await expect(caller.agents()).rejects.toMatchObject(denied)
    await expect(caller.config()).rejects.toMatchObject(denied)
    await expect(caller.sessions.list()).rejects.toMatchObject(denied)
    await expect(caller.reload()).rejects.toMatchObject(denied)
    await expect(caller.run('worker', { message: 'Hello' })).rejects.toMatchObject(denied)
    expect(await caller.health()).toMatchObject({ status: 'ok' })
  }
  expect(await guest.info()).toMatchObject({ auth_mode: 'security_key' })
  const known = createClient({ baseUrl: locked.url, key })
  expect(await known.run('worker', { message: '[fake:text=Fine]' })).toMatchObject({ content: 'Fine' })
  expect(locked.output()).not.toContain(key)
})
