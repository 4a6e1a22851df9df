import { request as connect } from 'node:http'
import { connect as open } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createLoopbackApp } from './app.ts'
import { createTestApp, SECRET, type TestApp, type TestAppOptions } from './testing/test-app.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`

const linesOf = ({ logged }: TestApp) => logged.filter(({ message }) => message === 'request')

async function openServer(options: TestAppOptions = {}) {
  const server = await createTestApp(options)
  const url = await server.listen()
  return { ...server, url, lines: () => linesOf(server) }
}

const form = (fields: Record<string, string>) => new URLSearchParams({ message: 'hi', ...fields })

describe('a request', () => {
  test('is one line when it is over: route, outcome, size and who asked, without its query', async () => {
    await using server = await openServer()
    const headers = { traceparent: TRACEPARENT, 'x-request-id': 'abc', 'x-forwarded-for': '203.0.113.7' }
    const answer = await fetch(`${server.url}/agents/nope?token=hunter2`, { headers })
    const body = await answer.text()
    await expect.poll(server.lines).toHaveLength(1)
    expect(server.lines()).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        message: 'request',
        request_id: 'abc',
        method: 'GET',
        route: '/agents/{id}',
        path: '/agents/nope',
        status: 404,
        duration_ms: expect.any(Number),
        bytes: expect.any(Number),
        trace_id: TRACE,
        client_address: '127.0.0.1',
        forwarded_for: '203.0.113.7',
      },
    ])
    expect(server.lines()[0]?.['bytes']).toBeGreaterThan(body.length)
    expect(server.lines()[0]?.['duration_ms']).toBeGreaterThan(0)
    expect(JSON.stringify(server.logged)).not.toContain('hunter2')
  })

  test('tells of each answer on a connection its own bytes', async () => {
    await using server = await openServer()
    for (let count = 0; count < 3; count++) await (await fetch(`${server.url}/agents`)).text()
    await expect.poll(server.lines).toHaveLength(3)
    const [first, ...others] = server.lines().map(({ bytes }) => bytes)
    // The first has a new request id like the others: the same headers, the same body.
    expect(others).toEqual([first, first])
  })

  test('that starts a run names run, user and trace', async () => {
    await using server = await openServer()
    server.runs.play = (run) => run.finish()
    const body = form({ stream: 'false', user_id: 'ada' })
    await (await fetch(`${server.url}/agents/assistant/runs`, { method: 'POST', body })).text()
    await expect.poll(server.lines).toHaveLength(1)
    const [line] = server.lines()
    expect(line).toMatchObject({ status: 200, run_id: 'run-1', user_id: 'ada' })
    expect(line?.['trace_id']).toMatch(/^[0-9a-f]{32}$/)
    expect(line).not.toHaveProperty('aborted')
  })

  test('that no route could take is a line, and what is not HTTP a line of its own', async () => {
    await using server = await openServer()
    const { port } = new URL(server.url)
    const bad = connect({ port, path: '/agents/%zz' }).end()
    const [answer] = await once(bad, 'response')
    answer.resume()
    const socket = open(Number(port), '127.0.0.1')
    socket.end('nonsense\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
    await expect.poll(server.lines).toMatchObject([{ path: '/agents/%zz', status: answer.statusCode }])
    const refusal = server.logged.find(({ message }) => message === 'a request was refused')
    expect(refusal).toMatchObject({ status: 400, reason: 'Bad Request', client_address: '127.0.0.1' })
  })
})

describe('a stream', () => {
  test('is a line at its end, with the time to its first byte', async () => {
    await using server = await openServer()
    const body = form({ stream: 'true' })
    const next = server.runs.next()
    const answer = await fetch(`${server.url}/agents/assistant/runs`, { method: 'POST', body })
    const run = await next
    run.emit({ type: 'content', at: 0, text: 'a' })
    const reader = answer.body!.getReader()
    await reader.read()
    expect(server.lines()).toEqual([])
    run.finish()
    while (!(await reader.read()).done);
    await expect.poll(server.lines).toHaveLength(1)
    const [line] = server.lines()
    expect(line).toMatchObject({ status: 200, run_id: 'run-1', first_byte_ms: expect.any(Number) })
    expect(Number(line?.['first_byte_ms'])).toBeLessThanOrEqual(Number(line?.['duration_ms']))
    expect(line).not.toHaveProperty('aborted')
  })

  test('whose client goes away is aborted', async () => {
    await using server = await openServer()
    const leaving = new AbortController()
    const body = form({ stream: 'true' })
    const options = { method: 'POST', body, signal: leaving.signal }
    const answer = await fetch(`${server.url}/agents/assistant/runs`, options)
    leaving.abort()
    await expect(answer.text()).rejects.toThrow('aborted')
    await expect.poll(server.lines).toMatchObject([{ status: 200, aborted: true, run_id: 'run-1' }])
  })

  test('that the server puts to itself has no client that could go away', async () => {
    await using server = await createTestApp()
    await server.app.inject('/agents/nope')
    await expect.poll(() => linesOf(server)).toMatchObject([{ status: 404 }])
    expect(linesOf(server)[0]).not.toHaveProperty('aborted')
  })

  test('a client that goes away before any answer has no status', async () => {
    await using server = await openServer()
    const leaving = new AbortController()
    const next = server.runs.next()
    const options = { method: 'POST', body: form({ stream: 'false' }), signal: leaving.signal }
    const answer = fetch(`${server.url}/agents/assistant/runs`, options)
    await next
    leaving.abort()
    await expect(answer).rejects.toThrow('aborted')
    await expect.poll(server.lines).toHaveLength(1)
    expect(server.lines()[0]).toMatchObject({ aborted: true, run_id: 'run-1' })
    expect(server.lines()[0]).not.toHaveProperty('status')
  })
})

describe('what is logged', () => {
  const ask = async ({ url }: { readonly url: string }, path: string) => (await fetch(url + path)).text()

  test('probes and metrics only at debug while they succeed', async () => {
    const readiness = () => ({ ready: false, startup: true, reasons: { database: 'away' } })
    await using server = await openServer({ settings: { readiness } })
    for (const path of ['/health', '/api/metrics', '/health/ready', '/agents']) await ask(server, path)
    await using loopback = await createLoopbackApp(server.deps)
    await ask({ url: await loopback.listen({ host: '127.0.0.1', port: 0 }) }, '/health/ready')
    const levels = () => server.lines().map(({ level, route }) => [route, level])
    await expect.poll(levels).toEqual([
      ['/health', 'debug'],
      ['/api/metrics', 'debug'],
      ['/health/ready', 'warn'],
      ['/agents', 'info'],
      ['/health/ready', 'warn'],
    ])
  })

  test('only failures with `errors`, nothing with `off`', async () => {
    await using errors = await openServer({ settings: { accessLog: 'errors' } })
    await using none = await openServer({ settings: { accessLog: 'off' } })
    for (const server of [errors, none]) for (const path of ['/agents', '/agents/nope']) await ask(server, path)
    await expect.poll(errors.lines).toMatchObject([{ path: '/agents/nope' }])
    expect(none.lines()).toEqual([])
  })

  test('no secret: not in a path, however it is encoded, nor in a header or a query', async () => {
    await using server = await openServer({ settings: { securityKey: SECRET } })
    const encoded = Array.from(SECRET, (c) => `%${c.charCodeAt(0).toString(16)}`).join('')
    const mixed = encodeURIComponent(SECRET).replace('v', '%76').replaceAll('-', '%2D')
    for (const path of [SECRET, encoded, mixed]) await ask(server, `/agents/${path}?key=${SECRET}`)
    const headers = { authorization: `Bearer ${SECRET}`, 'x-forwarded-for': SECRET, 'x-request-id': SECRET }
    await (await fetch(`${server.url}/agents`, { headers })).text()
    await expect.poll(server.lines).toHaveLength(4)
    const text = JSON.stringify(server.logged)
    for (const form of [SECRET, encoded, mixed]) expect(text).not.toContain(form)
    expect(text).toContain('/agents/[redacted]')
  })
})
