import { expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { createTestApp } from '../testing/test-app.ts'

function openMetrics() {
  const metrics = createMetrics({ resource: {}, costOf: () => undefined, clock: systemClock })
  return { ...metrics, [Symbol.asyncDispose]: metrics.close }
}

const read = async (app: Awaited<ReturnType<typeof createTestApp>>['app']) => {
  const answer = await app.inject({ method: 'GET', url: '/api/metrics' })
  const body = answer.json<{
    metrics: { name: string; points: { attributes: object; value?: number; count?: number }[] }[]
  }>()
  return new Map(body.metrics.map(({ name, points }) => [name, points]))
}

test('shows the metrics of this replica by name', async () => {
  await using metrics = openMetrics()
  await using server = await createTestApp({ metrics })
  metrics.workerEnded()
  const answer = await server.app.inject({ method: 'GET', url: '/api/metrics' })
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({ replica_id: 'replica-1', collected_at: expect.stringMatching(/Z$/) })
  expect((await read(server.app)).get('agentos.worker.ends')).toEqual([{ attributes: {}, value: 1 }])
})

test('counts requests by route and status, not by path', async () => {
  await using metrics = openMetrics()
  await using server = await createTestApp({ metrics })
  for (const url of ['/agents/assistant', '/agents/nobody', '/nowhere/a', '/nowhere/b']) await server.app.inject(url)
  const points = (await read(server.app)).get('http.server.request.duration') ?? []
  const counts = points.map(({ attributes, count }) => {
    const { 'http.route': route, 'http.response.status_code': status } = attributes as Record<string, unknown>
    return [route, status, count]
  })
  expect(counts).toEqual([
    ['/agents/{id}', 200, 1],
    ['/agents/{id}', 404, 1],
    [undefined, 404, 2],
  ])
})

test('counts event streams while they are open', async () => {
  await using metrics = openMetrics()
  await using server = await createTestApp({ metrics })
  const open = async () => (await read(server.app)).get('agentos.http.streams.open')?.[0]?.value
  const url = await server.listen()
  const body = new URLSearchParams({ message: 'hi' })
  const leaving = new AbortController()
  const answer = await fetch(`${url}/agents/assistant/runs`, { method: 'POST', body, signal: leaving.signal })
  expect([answer.status, await open()]).toEqual([200, 1])
  leaving.abort()
  await expect.poll(open).toBe(0)
})
