import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOutgoingTrace, isProvider, type OutgoingTrace } from './outgoing-trace.ts'

const A = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const B = '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01'

let outgoing: OutgoingTrace
let server: Server
let seen: IncomingHttpHeaders[]
let url: string
beforeEach(async () => {
  outgoing = createOutgoingTrace()
  seen = []
  server = createServer((request, response) => {
    seen.push(request.headers)
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterEach(async () => {
  outgoing.close()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const ask = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url + path, { headers: { 'x-path': path, ...headers } })
  await response.text()
}
const traceparents = () => Object.fromEntries(seen.map((headers) => [headers['x-path'], headers['traceparent']]))

test('requests carry the context they began in, also side by side and after waiting', async () => {
  await Promise.all([
    outgoing.run(A, async () => {
      await sleep(5)
      await ask('a')
    }),
    outgoing.run(B, () => ask('b')),
    ask('none'),
  ])
  expect(traceparents()).toEqual({ a: A, b: B, none: undefined })
})

test('a context that the tool has set itself stays', async () => {
  await outgoing.run(A, () => ask('own', { TraceParent: B }))
  expect(traceparents()).toEqual({ own: B })
})

test('nothing is added once it is closed', async () => {
  outgoing.close()
  await outgoing.run(A, () => ask('closed'))
  expect(traceparents()).toEqual({ closed: undefined })
})

test.each([
  ['https://api.openai.com', true],
  ['https://shop.openai.azure.com', true],
  ['https://europe-west1-aiplatform.googleapis.com', true],
  ['https://bedrock-runtime.eu-central-1.amazonaws.com', true],
  ['https://openai.com.example.com', false],
  ['https://notopenai.com', false],
  ['https://s3.eu-central-1.amazonaws.com', false],
  ['https://storage.googleapis.com', false],
  ['nonsense', false],
])('%s is a model provider: %s', (origin, expected) => {
  expect(isProvider(origin)).toBe(expected)
})
