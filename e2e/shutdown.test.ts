/**
 * How a server ends: asked to, in the middle of streams, and without a word.
 * @module
 */
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { fake } from './script.ts'
import { type Env, startServer } from './server-process.ts'
import { type Frame, postRun, readFrames, textOf } from './stream.ts'
import { createTranscript, followToRest } from './transcript.ts'

async function startAll(env: Env) {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider())
  const folder = stack.use(await createFolder({ 'worker.ts': agentSource('worker') }))
  const data = stack.use(await copyPreparedData())
  const started = stack.move()
  const start = async () =>
    started.use(await startServer({ dir: folder.path, dataDir: data.path, env: { ...provider.env, ...env } }))
  return { start, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

/** Streams a run and calls `onFirst` at its first token. @returns its frames; a broken connection ends them */
async function streamUntilEnd(url: string, message: string, onFirst: () => unknown): Promise<readonly Frame[]> {
  const frames: Frame[] = []
  const response = await postRun(url, 'worker', { message })
  for await (const frame of readFrames(response)) {
    frames.push(frame)
    if (frame.event === 'RunContent') {
      onFirst()
      onFirst = () => undefined
    }
  }
  return frames
}

test('SIGTERM lets a stream finish that ends before the deadline; the exit code is 0', async () => {
  await using all = await startAll({ AGENTOS_DRAIN_TIMEOUT_MS: '20000' })
  const server = await all.start()
  let stopped: Promise<number | null> | undefined
  const frames = await streamUntilEnd(server.url, '[fake:tokens=40,rate=20]', () => (stopped = server.stop()))
  expect(frames.at(-1)?.event).toBe('RunCompleted')
  expect(textOf(frames).trim().split(' ')).toHaveLength(40)
  expect(await stopped).toBe(0)
})

test('SIGTERM ends a stream that outlasts the deadline cleanly; the next server goes on with the run', async () => {
  await using all = await startAll({ AGENTOS_DRAIN_TIMEOUT_MS: '500' })
  const server = await all.start()
  const heard = createTranscript('worker')
  const message = fake({ text: 'This is never told to its end|All of it', fault: 'hang', times: 1 })
  let asked = 0
  let stopped: Promise<number | null> | undefined
  const complete = await heard.read(await postRun(server.url, 'worker', { message }), () => {
    asked ||= performance.now()
    stopped ??= server.stop()
  })
  expect(complete).toBe(true)
  expect(await stopped).toBe(0)
  expect(performance.now() - asked).toBeLessThan(8_000)
  expect(heard.end()).toBeUndefined()

  const next = await all.start()
  await followToRest(heard, () => next.url)
  expect({ text: heard.text(), disorder: heard.disorder }).toEqual({ text: 'All of it', disorder: [] })
})

test('a draining server is not ready and takes no new runs', async () => {
  await using all = await startAll({ AGENTOS_DRAIN_TIMEOUT_MS: '20000' })
  const server = await all.start()
  const client = createClient({ baseUrl: server.url })
  let during: Promise<unknown[]> | undefined
  let stopped: Promise<number | null> | undefined
  await streamUntilEnd(server.url, '[fake:tokens=60,rate=20]', () => {
    stopped = server.stop()
    during = Promise.allSettled([
      untilDraining(client),
      untilDraining(client).then(() => client.run('worker', { message: 'Hello' })),
    ])
  })
  const [ready, run] = (await during) as PromiseSettledResult<unknown>[]
  expect(ready).toMatchObject({ value: { ready: false, reasons: { server: expect.any(String) } } })
  expect(run).toMatchObject({ reason: { status: 503, errorId: 'DRAINING' } })
  expect(await stopped).toBe(0)
})

test('nobody who asks twice a second on a kept connection is cut off when the server stops', async () => {
  await using all = await startAll({ AGENTOS_DRAIN_TIMEOUT_MS: '20000' })
  const server = await all.start()
  const leaving = Array.from({ length: 50 }, () => askUntilTold(server.url))
  await sleep(1000)
  expect(await server.stop()).toBe(0)
  const answers = await Promise.all(leaving)
  // More than one before the stop, all on one connection, and the last one says that the connection is over.
  for (const { statuses, connections } of answers) {
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(statuses.length).toBeGreaterThan(1)
    expect(connections).toBe(1)
  }
})

/** Asks at random times, on one connection, until an answer says that the connection is over. */
async function askUntilTold(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const statuses: (number | undefined)[] = []
  const sockets = new Set<Socket>()
  for (let isTold = false; !isTold;) {
    const asked = request(`${url}/health`, { agent }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage] // by Node's documentation
    sockets.add(response.socket)
    isTold = response.headers.connection === 'close'
    statuses.push(response.statusCode)
    await once(response.resume(), 'end')
    if (!isTold) await sleep(Math.random() * 500)
  }
  agent.destroy()
  return { statuses, connections: sockets.size }
}

test('after kill -9 a server on the same directory has the sessions', async () => {
  await using all = await startAll({ AGENTOS_LEASE_MS: '1000' })
  const first = await all.start()
  const before = createClient({ baseUrl: first.url })
  const { session_id } = await before.run('worker', { message: 'My name is Ada. [fake:text=Hello%20Ada]' })
  await expect(streamUntilEnd(first.url, '[fake:tokens=600,rate=20]', () => first.kill())).rejects.toThrow('terminated')

  const second = await all.start()
  const after = createClient({ baseUrl: second.url })
  const sessions = await after.sessions.list()
  expect(sessions.data.map((session) => session.session_id)).toContain(session_id)
  expect(await after.sessions.runs(session_id)).toMatchObject([{ status: 'COMPLETED', content: 'Hello Ada' }])
  expect(await after.run('worker', { message: '[fake:text=Still%20here]', session_id })).toMatchObject({
    content: 'Still here',
  })
})

async function untilDraining(client: ReturnType<typeof createClient>) {
  for (;;) {
    const state = await client.ready()
    if (!state.ready) return state
  }
}
