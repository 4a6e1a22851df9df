import { getEventListeners, once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createTransport, DEFAULT_LIMITS, type TransportLimits } from './transport.ts'

async function listen(handle: RequestListener) {
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, handle)
  const sockets = new Set<Socket>()
  let opened = 0
  server.on('connection', (socket: Socket) => {
    opened++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sockets,
    opened: () => opened,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function open(env: Record<string, string> = {}, limits: Partial<TransportLimits> = {}) {
  const transport = createTransport(env, { ...DEFAULT_LIMITS, ...limits })
  return { ...transport, [Symbol.dispose]: transport.close }
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.catch((caught: unknown) => caught)
  return error instanceof Error && 'code' in error ? error.code : error
}

const post = (body: string, more: RequestInit = {}) => ({ method: 'POST', body, ...more })

describe('transport', () => {
  test('sends method, headers and body, and answers with status, headers and body', async () => {
    await using server = await listen((request, response) => {
      const { method, url, headers } = request
      let body = ''
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      request.on('end', () => {
        response.writeHead(418, 'Teapot', { 'x-answer': 'yes' })
        const { 'content-length': length, 'x-question': question } = headers
        response.end(JSON.stringify({ method, url, length, question, body, encoding: headers['transfer-encoding'] }))
      })
    })
    using transport = open()
    const response = await transport.fetch(`${server.url}/a?b=c`, post('Grüße', { headers: { 'X-Question': 'why' } }))
    expect(response).toMatchObject({ ok: false, status: 418, statusText: 'Teapot' })
    expect(response.headers.get('x-answer')).toBe('yes')
    expect(await response.json()).toEqual({
      method: 'POST',
      url: '/a?b=c',
      length: '7',
      question: 'why',
      body: 'Grüße',
    })
  })

  test('uses one connection for calls in a row', async () => {
    await using server = await listen((request, response) => request.resume().on('end', () => response.end('ok')))
    using transport = open()
    for (let call = 0; call < 5; call++) {
      const response = await transport.fetch(server.url, post('x'))
      await response.text()
    }
    expect(server.opened()).toBe(1)
  })

  test('close ends the idle connections and those of running calls', async () => {
    await using server = await listen((request, response) => {
      request.resume()
      if (request.url === '/run') response.write('begun')
      else response.end('ok')
    })
    const transport = createTransport({})
    const running = await transport.fetch(`${server.url}/run`, post('x'))
    await (await transport.fetch(server.url, post('x'))).text()
    expect(server.sockets.size).toBe(2)
    transport.close()
    expect(await codeOf(running.text())).toBe('ECONNRESET')
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('an abort rejects with its reason and closes the connection', async () => {
    await using server = await listen((request) => void request.resume())
    using transport = open()
    const controller = new AbortController()
    const calling = transport.fetch(server.url, post('x', { signal: controller.signal }))
    await expect.poll(() => server.sockets.size).toBe(1)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(calling).rejects.toBe(reason)
    await expect.poll(() => server.sockets.size).toBe(0)
    await expect(transport.fetch(server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('leaves nothing on the signal of a call that has ended', async () => {
    await using server = await listen((_, response) => response.end('ok'))
    using transport = open()
    const { signal } = new AbortController()
    await (await transport.fetch(server.url, { signal })).text()
    await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(0)
  })

  test('a cancelled body closes the connection', async () => {
    await using server = await listen((_, response) => void response.write('begun'))
    using transport = open()
    const response = await transport.fetch(server.url)
    await response.body?.cancel()
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('a reader that stops reading stops the sender', async () => {
    let sent = 0
    await using server = await listen((_, response) => {
      const chunk = Buffer.alloc(65_536)
      const fill = () => {
        while (sent < 64 * 1024 * 1024) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', fill)
        }
        response.end()
      }
      fill()
    })
    using transport = open({}, { idleMs: 100 })
    const response = await transport.fetch(server.url)
    const reader = response.body!.getReader()
    let read = (await reader.read()).value?.length ?? 0
    // Longer than the limit of silence: a slow reader is not a silent provider.
    await new Promise((resolve) => setTimeout(resolve, 250))
    let before = -1
    while (before !== sent) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(before).toBeLessThan(32 * 1024 * 1024)
    for (let step = await reader.read(); !step.done; step = await reader.read()) read += step.value.length
    expect(read).toBe(64 * 1024 * 1024)
  })

  test('a body that ends before its length is a reset', async () => {
    await using server = await listen((_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    using transport = open()
    const response = await transport.fetch(server.url)
    expect(await codeOf(response.text())).toBe('ECONNRESET')
  })

  test('sends again, once, when the host had closed the idle connection', async () => {
    let requests = 0
    await using server = await listen((request, response) => {
      requests++
      request.resume()
      // The second request meets a connection that ends in the moment in which it is used.
      if (requests === 2) return void request.socket.resetAndDestroy()
      return void response.end('ok')
    })
    using transport = open()
    await (await transport.fetch(server.url, post('x'))).text()
    const response = await transport.fetch(server.url, post('x'))
    expect(await response.text()).toBe('ok')
    expect(requests).toBe(3)
  })

  test('does not send again on a connection of its own', async () => {
    let requests = 0
    await using server = await listen((request) => {
      requests++
      request.socket.resetAndDestroy()
    })
    using transport = open()
    expect(await codeOf(transport.fetch(server.url, post('x')))).toBe('ECONNRESET')
    expect(requests).toBe(1)
  })

  test('gives up on a host that never completes the handshake', async () => {
    const sockets: Socket[] = []
    const silent = createTcpServer((socket) => void sockets.push(socket))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    using transport = open({}, { firstByteMs: 100 })
    const code = await codeOf(transport.fetch(`https://127.0.0.1:${port}/`))
    for (const socket of sockets) socket.destroy()
    silent.close()
    expect(code).toBe('ETIMEDOUT')
  })

  test('goes through the proxy of the environment, and not where NO_PROXY says so', async () => {
    const seen: (string | undefined)[] = []
    await using proxy = await listen((request, response) => {
      seen.push(request.url)
      request.resume().on('end', () => response.end('from the proxy'))
    })
    await using server = await listen((request, response) => request.resume().on('end', () => response.end('direct')))
    using proxied = open({ HTTP_PROXY: proxy.url })
    expect(await (await proxied.fetch('http://model.example/v1', post('x'))).text()).toBe('from the proxy')
    expect(seen).toEqual(['http://model.example/v1'])
    using direct = open({ HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' })
    expect(await (await direct.fetch(server.url, post('x'))).text()).toBe('direct')
  })

  test('user and password of a URL become basic authorization, unless there is another', async () => {
    await using server = await listen((request, response) => response.end(request.headers.authorization))
    using transport = open()
    const url = `http://me:p%40ss@127.0.0.1:${server.port}/`
    expect(await (await transport.fetch(url)).text()).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
    const own = await transport.fetch(url, { headers: { Authorization: 'Bearer k' } })
    expect(await own.text()).toBe('Bearer k')
  })

  test('refuses bodies that are neither text nor bytes', async () => {
    using transport = open()
    expect(() => transport.fetch('http://127.0.0.1:9/', { method: 'POST', body: new FormData() })).toThrow(TypeError)
  })
})
