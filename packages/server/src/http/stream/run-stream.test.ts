/** Streams over real sockets: what a client sees, and what happens when it does not read or goes away. */
import { createEventStreamParser, type StreamFrame } from '@agentos/wire/client'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../../base/run.ts'
import { AT, COMPLETED, type FakeRun, plainAnswer } from '../testing/fake-runs.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

const content = (text: string): RunEvent => ({ type: 'content', at: AT, text })
const start = (url: string, form = 'message=hi', signal?: AbortSignal) =>
  fetch(`${url}/agents/assistant/runs`, { method: 'POST', body: new URLSearchParams(form), ...(signal && { signal }) })
const PATIENT = { timeout: 5000, interval: 10 }
const framesOf = (text: string): StreamFrame[] => createEventStreamParser().push(text)
const namesOf = (text: string) => framesOf(text).map(({ event }) => event)

/** Sends a run request on a bare connection that reads nothing until it is told to. */
async function startUnread(url: string, requests = 1): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.pause()
  const body = 'message=hi'
  const head = `POST /agents/assistant/runs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n`
  socket.write((head + body).repeat(requests))
  return socket
}

async function readUntil(socket: Socket, pattern: RegExp): Promise<string> {
  let text = ''
  for await (const bytes of socket) {
    text += String(bytes)
    if (pattern.test(text)) break
  }
  return text
}

/** The body of a chunked answer, headers and chunk sizes taken off. */
function bodyOf(raw: string): string {
  const chunks = raw.slice(raw.indexOf('\r\n\r\n') + 4)
  return chunks.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
}

async function nextRun(server: TestApp, begin: () => Promise<unknown>): Promise<FakeRun> {
  const next = server.runs.next()
  await begin()
  return next
}

/** What the metrics are told of streams. */
function countStreams() {
  const told: string[] = []
  return {
    told,
    requestEnded: () => {},
    streamOpened: () => void told.push('opened'),
    streamClosed: () => void told.push('closed'),
    clientCut: () => void told.push('cut'),
    collect: () => Promise.reject(new Error('nobody asks')),
  }
}

describe('a stream', () => {
  test('carries each event with its index, name and JSON, and ends after the last', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    server.runs.play = (run) => {
      run.emit(...plainAnswer('Echo:', ' héllo'))
      setImmediate(() => run.finish())
    }
    const answer = await start(url)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-agentos-revision': 'rev-1',
      'x-request-id': expect.any(String),
    })
    const text = await answer.text()
    const frames = framesOf(text)
    expect(frames.map(({ id, event }) => [id, event])).toEqual([
      ['0', 'RunStarted'],
      ['1', 'ModelRequestStarted'],
      ['2', 'RunContent'],
      ['3', 'RunContent'],
      ['4', 'ModelRequestCompleted'],
      ['5', 'RunContentCompleted'],
      ['6', 'RunCompleted'],
    ])
    for (const { event, data } of frames) {
      expect(JSON.parse(data).event).toBe(event)
      expect(JSON.parse(data)).not.toHaveProperty('data')
    }
    expect(text).toMatch(/^id: 0\nevent: RunStarted\ndata: \{.*\}\n\nid: 1\n/)
  })

  test('sends what happens in one tick as one piece, and its headers at once', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const next = server.runs.next()
    const answer = await start(url)
    const run = await next
    const reader = answer.body!.getReader()
    run.emit(...plainAnswer())
    run.emit(content('a'))
    run.emit(content('b'))
    const piece = Buffer.from((await reader.read()).value ?? '').toString()
    expect(namesOf(piece)).toEqual([
      'RunStarted',
      'ModelRequestStarted',
      'ModelRequestCompleted',
      'RunContentCompleted',
      'RunContent',
      'RunContent',
    ])
    run.finish()
    await reader.read()
    expect((await reader.read()).done).toBe(true)
  })

  test('with stream_events=false has only text and errors', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    server.runs.play = (run) => {
      run.emit(...plainAnswer('a', 'b'))
      run.finish()
    }
    expect(namesOf(await (await start(url, 'message=hi&stream_events=false')).text())).toEqual([
      'RunContent',
      'RunContent',
    ])
    server.runs.play = (run) =>
      run.finish({ ...COMPLETED, status: 'ERROR', error: { code: 'MODEL_AUTH', message: 'no' } })
    expect(namesOf(await (await start(url, 'message=hi&stream_events=false')).text())).toEqual(['RunError'])
    server.runs.play = (run) => run.finish({ ...COMPLETED, status: 'CANCELLED' })
    expect(namesOf(await (await start(url, 'message=hi&stream_events=false')).text())).toEqual([
      'RunCancelled',
      'RunCompleted',
    ])
  })

  test('that is cancelled says so and then completes, and one that fails ends with the error', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    server.runs.play = (run) => run.finish({ ...COMPLETED, status: 'CANCELLED', content: 'a ' })
    const frames = framesOf(await (await start(url)).text())
    expect(frames.map(({ event, data }) => [event, JSON.parse(data).content])).toEqual([
      ['RunCancelled', 'a '],
      ['RunCompleted', 'a '],
    ])
    server.runs.play = (run) =>
      run.finish({ ...COMPLETED, status: 'ERROR', error: { code: 'MODEL_AUTH', message: 'no' } })
    expect(namesOf(await (await start(url)).text())).toEqual(['RunError'])
  })

  test('comments when nothing happens, and only then', async () => {
    await using server = await createTestApp({ settings: { heartbeatMs: 40 } })
    const url = await server.listen()
    const next = server.runs.next()
    const answer = await start(url)
    const run = await next
    run.emit(content('a'))
    await sleep(150)
    run.finish()
    const text = await answer.text()
    expect(text.match(/^: heartbeat$/gm)?.length).toBeGreaterThanOrEqual(2)
    expect(namesOf(text)).toEqual(['RunContent', 'RunCompleted'])
  })

  test('of one client goes on when another client goes away', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const leaving = new AbortController()
    const runs: FakeRun[] = []
    server.runs.play = (run) => void runs.push(run)
    const first = await start(url, 'message=hi', leaving.signal)
    const second = await start(url)
    leaving.abort()
    await expect.poll(() => runs[0]!.disconnects(), PATIENT).toBe(1)
    expect(runs[0]!.feed.subscribers()).toBe(0)
    runs[1]!.emit(content('still here'))
    runs[1]!.finish()
    expect(await second.text()).toContain('still here')
    expect(runs[1]!.disconnects()).toBe(0)
    await expect(first.text()).rejects.toThrow(/abort/i)
  })

  test('tells the run when the client left before it was started', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const connected = once(server.app.server, 'connection')
    const socket = await startUnread(url)
    const [accepted] = (await connected) as [Socket]
    let run: FakeRun | undefined
    server.runs.play = async (started) => {
      run = started
      accepted.destroy()
      await once(accepted, 'close')
    }
    await expect.poll(() => run?.disconnects(), PATIENT).toBe(1)
    expect(run?.feed.subscribers()).toBe(0)
    socket.destroy()
  })
})

describe('a client that does not read', () => {
  const big = 'x'.repeat(100_000)

  test('gets everything in the end, its deltas joined', async () => {
    await using server = await createTestApp({ settings: { streamBufferBytes: 50_000_000 } })
    const url = await server.listen()
    const socket = await startUnread(url)
    const run = await server.runs.next()
    for (let index = 0; index < 100; index++) {
      run.emit(content(big))
      await new Promise(setImmediate)
    }
    run.finish()
    const frames = framesOf(bodyOf(await readUntil(socket, /\r\n0\r\n\r\n$/)))
    const deltas = frames.filter(({ event }) => event === 'RunContent')
    expect(deltas.map(({ data }) => JSON.parse(data).content).join('')).toBe(big.repeat(100))
    expect(deltas.length).toBeLessThan(100)
    expect(frames.at(-1)).toMatchObject({ event: 'RunCompleted', id: '100' })
    socket.destroy()
  })

  test('is cut past its buffer, and the run hears of it', async () => {
    const metrics = countStreams()
    await using server = await createTestApp({ settings: { streamBufferBytes: 1_000_000 }, metrics })
    const url = await server.listen()
    const socket = await startUnread(url)
    const run = await server.runs.next()
    for (let index = 0; index < 200 && run.disconnects() === 0; index++) {
      run.emit(content(big))
      await new Promise(setImmediate)
    }
    await expect.poll(() => run.disconnects(), PATIENT).toBe(1)
    expect(run.feed.subscribers()).toBe(0)
    expect(metrics.told).toEqual(['opened', 'cut', 'closed'])
    socket.destroy()
  })

  test('is cut in the end also when its run is over', async () => {
    const metrics = countStreams()
    await using server = await createTestApp({ settings: { heartbeatMs: 10, streamBufferBytes: 50_000_000 }, metrics })
    const url = await server.listen()
    const socket = await startUnread(url)
    const run = await server.runs.next()
    for (let index = 0; index < 100; index++) run.emit(content(big))
    run.finish()
    await expect.poll(() => run.disconnects(), PATIENT).toBe(1)
    expect(metrics.told).toEqual(['opened', 'cut', 'closed'])
    socket.destroy()
  })

  test('does not slow down those who read', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const socket = await startUnread(url)
    const stalled = await server.runs.next()
    const next = server.runs.next()
    const answer = await start(url)
    const reading = await next
    for (let index = 0; index < 50; index++) {
      stalled.emit(content(big))
      reading.emit(content('token '))
      await new Promise(setImmediate)
    }
    reading.finish()
    expect(namesOf(await answer.text()).filter((name) => name === 'RunContent')).toHaveLength(50)
    socket.destroy()
  })
})

describe('connections', () => {
  test('answer pipelined requests in their order, and tell every run when they close', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const socket = await startUnread(url, 3)
    await expect.poll(() => server.runs.started, PATIENT).toHaveLength(3)
    const [first, second, third] = server.runs.started
    second!.emit(content('second'))
    second!.finish()
    first!.emit(content('first'))
    first!.finish()
    const text = await readUntil(socket, /second[^]*RunCompleted/)
    expect(text.indexOf('"content":"first"')).toBeLessThan(text.indexOf('"content":"second"'))
    socket.destroy()
    await expect.poll(() => third!.disconnects(), PATIENT).toBe(1)
    expect([first!.disconnects(), second!.disconnects()]).toEqual([0, 0])
  })

  test('end cleanly when the server closes, without abandoning the run', async () => {
    const server = await createTestApp()
    const url = await server.listen()
    const next = server.runs.next()
    const answer = await start(url)
    const run = await next
    run.emit(content('a'))
    await sleep(20)
    run.emit(content('b'))
    const closed = server.app.close()
    expect(namesOf(await answer.text())).toEqual(['RunContent', 'RunContent'])
    await closed
    expect(run.disconnects()).toBe(0)
    expect(run.feed.subscribers()).toBe(0)
  })

  test('hand over what was written before the server closes, also to clients that read late', async () => {
    const server = await createTestApp()
    const socket = await startUnread(await server.listen())
    const run = await server.runs.next()
    for (let index = 0; index < 50; index++) run.emit(content('x'.repeat(100_000)))
    await sleep(50)
    const closed = server.app.close()
    await sleep(50)
    const text = await readUntil(socket, /\r\n0\r\n\r\n$/)
    expect(text.length).toBeGreaterThan(5_000_000)
    await closed
    expect([run.disconnects(), run.feed.subscribers()]).toEqual([0, 0])
    socket.destroy()
  })

  test('of clients that never read do not keep the server from closing, and abandon no run', async () => {
    const server = await createTestApp()
    const socket = await startUnread(await server.listen())
    const run = await server.runs.next()
    for (let index = 0; index < 50; index++) run.emit(content('x'.repeat(100_000)))
    await sleep(50)
    await server.app.close()
    expect([run.disconnects(), run.feed.subscribers()]).toEqual([0, 0])
    socket.destroy()
  })

  test('leave no listeners behind when they are used again', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    server.runs.play = (run) => run.finish()
    const sockets = new Set<Socket>()
    server.app.server.on('connection', (socket: Socket) => sockets.add(socket))
    for (let index = 0; index < 5; index++) {
      await (await start(url)).text()
      await (await start(url, 'message=hi&stream=false')).text()
    }
    expect(sockets.size).toBeLessThan(5)
    for (const socket of sockets) expect(socket.listenerCount('close')).toBeLessThan(5)
  })

  test('that close before a whole answer tell the run', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const leaving = new AbortController()
    const run = await nextRun(server, async () => {
      void start(url, 'message=hi&stream=false', leaving.signal).catch(() => undefined)
    })
    leaving.abort()
    await expect.poll(() => run.disconnects(), PATIENT).toBe(1)
    run.finish()
  })

  test('that send 50 MB are answered 413 without it being kept', async () => {
    await using server = await createTestApp()
    const url = await server.listen()
    const body = Buffer.alloc(50 * 1024 * 1024, 'x')
    for (const type of [
      'application/x-www-form-urlencoded',
      'application/json',
      'multipart/form-data; boundary=b',
      'text/plain',
    ]) {
      const began = performance.now()
      const answer = await fetch(`${url}/agents/assistant/runs`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      })
      expect([answer.status, ((await answer.json()) as { error_id: string }).error_id]).toEqual([413, 'BODY_TOO_LARGE'])
      expect(performance.now() - began).toBeLessThan(3000)
    }
    const chunked = new ReadableStream({
      start(controller) {
        for (let index = 0; index < 50; index++) controller.enqueue(new Uint8Array(1024 * 1024).fill(120))
        controller.close()
      },
    })
    const init = {
      method: 'POST',
      body: chunked,
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
    } as const
    const outcome = await fetch(`${url}/agents/assistant/runs`, init).then(
      ({ status }) => status,
      () => 'connection closed',
    )
    expect([413, 'connection closed']).toContain(outcome)
  })

  test.each([
    ['GARBAGE\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, 431],
    ['GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    [`GET /sessions/${'x'.repeat(5000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 400],
    ['POST /sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: x\r\n\r\n', 400],
  ])('that do not speak HTTP are told so in JSON', async (request, status) => {
    await using server = await createTestApp()
    const { hostname, port } = new URL(await server.listen())
    const socket = connect(Number(port), hostname)
    socket.write(request)
    const answer = await readUntil(socket, /\}$/)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({ error_id: 'INVALID_REQUEST' })
    socket.destroy()
  })
})
