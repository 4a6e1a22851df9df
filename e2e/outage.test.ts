/**
 * What the server needs goes away and comes back: its database, the model provider or the memory of its worker.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { account, doubledEffects } from './account.ts'
import { until } from './condition.ts'
import { HAS_POSTGRES } from './database.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { type PostgresServer, startPostgresServer, type StopMode } from './postgres-server.ts'
import { startProvider } from './provider-process.ts'
import { answerRun, queueRun, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { postRun } from './stream.ts'
import { createTranscript, followToRest } from './transcript.ts'

const OUTAGE_MS = 9_000

describe.skipIf(!HAS_POSTGRES)('without a database', () => {
  let postgres: PostgresServer
  let fleet: Fleet
  beforeAll(async () => {
    postgres = await startPostgresServer()
    const database = { env: { POSTGRES_URL: postgres.url }, url: postgres.url, [Symbol.asyncDispose]: async () => {} }
    fleet = await startFleet({ replicas: 2, database })
  })
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]()
    await postgres?.[Symbol.asyncDispose]()
  })

  const url = (number: number) => fleet.replica(number % 2).url

  /** Twelve runs of three steps, half streamed and half in the background, among which `outage` happens. */
  const runThrough = async (prefix: string, outage: () => Promise<void>) => {
    const message = (number: number) =>
      fake({
        id: `${prefix}-${number}.`,
        tool: number % 2 === 0 ? 'keyed' : 'once',
        calls: 3,
        args: { id: `${prefix}-${number}.$call` },
        first: 400,
        tokens: 20,
        rate: 20,
      })
    const streams = await Promise.all(
      Array.from({ length: 6 }, async (_, number) => {
        const heard = createTranscript('desk')
        const response = await postRun(url(number), 'desk', { message: message(number) })
        return { heard, reading: heard.read(response) }
      }),
    )
    const queued = await Promise.all(
      Array.from({ length: 6 }, (_, number) => queueRun(url(number), 'desk', { message: message(number + 6) })),
    )
    await until('the first effects', async () => {
      const effects = await fleet.effects.list()
      return effects.filter(({ id }) => id.startsWith(prefix)).length >= 6
    })
    await outage()
    await Promise.all(streams.map(({ reading }) => reading))
    for (const [number, { heard }] of streams.entries()) await followToRest(heard, () => url(number))
    expect(streams.flatMap(({ heard }) => heard.disorder)).toEqual([])
    const accepted = [...queued, ...streams.flatMap(({ heard }) => heard.run() ?? [])]
    const { faults, count } = await account(url(1), accepted)
    expect({ faults, count }).toEqual({ faults: [], count: { COMPLETED: 12, PAUSED: 0, ERROR: 0, CANCELLED: 0 } })
    expect(doubledEffects(await fleet.effects.list())).toEqual([])
  }

  test.each<[StopMode, string]>([
    ['fast', 'in order'],
    ['immediate', 'as after a crash'],
  ])('that is restarted (%s: %s), no run is lost or doubled, and clients hear the end', async (mode) => {
    await runThrough(mode, async () => {
      await postgres.stop(mode)
      await postgres.start()
    })
    expect(await createClient({ baseUrl: url(0) }).ready()).toMatchObject({ ready: true })
  })

  test('for 10 s, servers are healthy, not ready, refuse runs, and finish those they had', async () => {
    await runThrough('away', async () => {
      await postgres.stop('fast')
      const client = createClient({ baseUrl: url(0) })
      await until('the server to be not ready', async () => {
        const { ready } = await client.ready()
        return !ready
      })
      expect(await client.health()).toMatchObject({ status: 'ok' })
      await expect(client.run('worker', { message: 'Hello' })).rejects.toMatchObject({
        status: 503,
        errorId: 'DATABASE_UNAVAILABLE',
      })
      await sleep(OUTAGE_MS)
      await postgres.start()
    })
  })
})

describe.skipIf(!HAS_POSTGRES)('within one server', () => {
  let fleet: Fleet
  beforeAll(async () => {
    const env = { AGENTOS_WORKER_HEAP_MB: '64', AGENTOS_MAX_ATTEMPTS: '2' }
    fleet = await startFleet({ replicas: 1, agents: { 'glutton.ts': GLUTTON }, env })
  })
  afterAll(() => fleet?.[Symbol.asyncDispose]())

  test('an outage of the provider fails its runs with the reason, and they go on when it is back', async () => {
    const url = fleet.replica(0).url
    const start = async (id: string) => {
      const message = fake({ id, tool: 'once', args: { id, gate: 'provider-gone' }, text: 'Done' })
      const accepted = await queueRun(url, 'desk', { message })
      await fleet.effects.happened(id)
      return accepted
    }
    const runs = [await start('continued'), await start('requeued')] as const
    await fleet.provider[Symbol.asyncDispose]()
    await fleet.effects.open('provider-gone')
    for (const accepted of runs) {
      expect(await waitForRest(url, accepted)).toMatchObject({
        status: 'ERROR',
        content: expect.stringMatching(/connect|not available|closed|reach/i),
      })
    }
    await using back = await startProvider({ port: Number(new URL(fleet.provider.baseUrl).port) })
    expect(await answerRun(url, runs[0], [])).toMatchObject({ status: 'COMPLETED', content: 'Done' })
    const requeued = await fetch(`${url}/queue/jobs/${runs[1].runId}/requeue`, { method: 'POST' })
    expect(requeued.status).toBe(200)
    await requeued.body?.cancel()
    expect(await waitForRest(url, runs[1])).toMatchObject({ status: 'COMPLETED', content: 'Done' })
    for (const id of ['continued', 'requeued']) expect(await fleet.effects.list(id)).toHaveLength(1)
    expect((await back.stats()).requests).toBe(2)
  })

  test('a tool that takes all memory leaves its run to a person; the others finish', async () => {
    await using provider = await startProvider({ port: Number(new URL(fleet.provider.baseUrl).port) })
    expect(provider.baseUrl).toBe(fleet.provider.baseUrl)
    const url = fleet.replica(0).url
    const heard = createTranscript('worker')
    const talk = fake({ id: 'talk', text: 'One two three four five six seven eight', rate: 4 })
    const reading = heard.read(await postRun(url, 'worker', { message: talk }))
    const message = fake({ id: 'healthy', tool: 'keyed', args: { id: 'healthy', gate: 'healthy' }, text: 'Done' })
    const healthy = await queueRun(url, 'desk', { message })
    await fleet.effects.happened('healthy')
    const glutton = await queueRun(url, 'glutton', {
      message: fake({ tool: 'eat', args: { id: 'eaten' }, text: 'Done' }),
    })
    await fleet.effects.happened('healthy', 2)
    await fleet.effects.open('healthy')
    await reading
    await followToRest(heard, () => url)
    expect(heard.text()).toBe('One two three four five six seven eight')
    expect(await waitForRest(url, healthy)).toMatchObject({ status: 'COMPLETED', content: 'Done' })
    expect(await waitForRest(url, glutton)).toMatchObject({ status: 'PAUSED' })
    expect(await fleet.effects.list('eaten')).toHaveLength(1)
    expect(await createClient({ baseUrl: url }).health()).toMatchObject({ status: 'ok' })
  })

  test('a tool that takes all memory whenever it is called fails its run after the last attempt', async () => {
    await using provider = await startProvider({ port: Number(new URL(fleet.provider.baseUrl).port) })
    const url = fleet.replica(0).url
    const message = fake({ tool: 'browse', args: { id: 'browsed' }, text: 'Done' })
    const glutton = await queueRun(url, 'glutton', { message })
    expect(await waitForRest(url, glutton, 40_000)).toMatchObject({
      status: 'ERROR',
      content: expect.stringMatching(/attempt/i),
    })
    expect(await fleet.effects.list('browsed')).toHaveLength(2)
    expect((await provider.stats()).requests).toBe(1)
    expect(await createClient({ baseUrl: url }).run('worker', { message: fake({ text: 'Fine' }) })).toMatchObject({
      content: 'Fine',
    })
  })
})

/** Agent `glutton`: both of its tools take memory until there is none. */
const GLUTTON = `import { agent, tool } from '@agentos/sdk'
import { act, INPUT } from './lib/act.ts'
const run = (name) => async (input, ctx) => {
  await act(name, input, ctx)
  const hoard = []
  for (;;) hoard.push(Array.from({ length: 1_000_000 }, (_, index) => index + hoard.length))
}
const eat = tool({ name: 'eat', input: INPUT, run: run('eat') })
const browse = tool({ name: 'browse', effect: 'read', input: INPUT, run: run('browse') })
export default agent({ id: 'glutton', name: 'Glutton', tools: [eat, browse] })
`
