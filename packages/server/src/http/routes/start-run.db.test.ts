/** What starting a run has beside one stream and one answer: the queue, keys, and runs that change their replica. */
import { createEventStreamParser } from '@agentos/wire/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { AT, COMPLETED, MODEL } from '../testing/fake-runs.ts'
import { openReplica, paused, type Replica, requirement } from '../testing/replica.ts'

/** A poll gives up after a second otherwise, which a busy machine may need. */
const PATIENT = { timeout: 10_000 }

let database: TestDatabase
let server: Replica

beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})
beforeEach(() => {
  server.play = ({ handlers }) => {
    handlers.onEvents([{ type: 'run-start', at: AT, model: MODEL }])
    handlers.onDone(COMPLETED)
  }
})

type Fields = Record<string, unknown>
const start = (body: Fields, key?: string) =>
  server.app.inject({
    method: 'POST',
    url: '/agents/assistant/runs',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
    payload: JSON.stringify({ message: 'hi', ...body }),
  })
const read = (runId: string, sessionId: string) =>
  server.app.inject(`/agents/assistant/runs/${runId}?session_id=${sessionId}`)
const framesOf = (text: string) =>
  createEventStreamParser()
    .push(text)
    .map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) }))

describe('a background run', () => {
  test('is a 202 with its ids at once, and then runs', async () => {
    const answer = await start({ background: true, stream: false, session_id: 'b1' })
    expect(answer.statusCode).toBe(202)
    const { run_id } = answer.json()
    expect(answer.json()).toEqual({ run_id: expect.any(String), session_id: 'b1', status: 'PENDING' })
    await expect.poll(async () => (await read(run_id, 'b1')).json().status, PATIENT).toBe('COMPLETED')
  })

  test('streams from its first event on, each with its index, and may be left', async () => {
    const answer = await start({ background: true })
    expect(framesOf(answer.body).map(({ id, event, data }) => [id, event, data.event_index])).toEqual([
      ['0', 'RunStarted', 0],
      ['1', 'RunCompleted', 1],
    ])
  })

  test('takes a priority of -100 to 100', async () => {
    const answer = await start({ background: true, stream: false, priority: 7, session_id: 'b2' })
    const job = await server.app.inject(`/queue/jobs/${answer.json().run_id}`)
    expect(job.json()).toMatchObject({ priority: 7, session_id: 'b2' })
    for (const priority of [-101, 101, 1.5]) expect((await start({ background: true, priority })).statusCode).toBe(422)
    const inline = await start({ priority: 1 })
    expect([inline.statusCode, inline.json().detail]).toEqual([400, expect.stringContaining('background=true')])
  })

  test('is refused with 429 and Retry-After while too many wait', async () => {
    await using empty = await openTestDatabase()
    await using busy = await openReplica(empty, { runs: { maxQueueDepth: 1, maxBackgroundRuns: 0 } })
    const ask = () =>
      busy.app.inject({
        method: 'POST',
        url: '/agents/assistant/runs',
        payload: { message: 'hi', background: true, stream: false },
      })
    expect((await ask()).statusCode).toBe(202)
    const refused = await ask()
    expect([refused.statusCode, refused.json().error_id]).toEqual([429, 'QUEUE_FULL'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  })
})

describe('an Idempotency-Key', () => {
  test('gives the second request the run of the first: its answer', async () => {
    const first = await start({ stream: false }, 'k1')
    const second = await start({ stream: false }, 'k1')
    expect(second.statusCode).toBe(200)
    expect(second.json()).toMatchObject({ run_id: first.json().run_id, content: first.json().content })
    expect((await start({ stream: false }, 'k2')).json().run_id).not.toBe(first.json().run_id)
  })

  test('replays its stream, also while it still runs', async () => {
    const first = await start({}, 'k3')
    expect((await start({}, 'k3')).body).toBe(first.body)
    const held = Promise.withResolvers<() => void>()
    server.play = ({ handlers }) => {
      handlers.onEvents([{ type: 'run-start', at: AT, model: MODEL }])
      held.resolve(() => handlers.onDone(COMPLETED))
    }
    const running = start({}, 'k4')
    const end = await held.promise
    // Until the first event is in the database only.
    await new Promise((resolve) => setTimeout(resolve, 400))
    const joined = start({}, 'k4')
    await new Promise((resolve) => setTimeout(resolve, 100))
    end()
    expect((await joined).body).toBe((await running).body)
  })

  test('answers a background run with its present status', async () => {
    const body = { background: true, stream: false, session_id: 'k5' }
    const first = await start(body, 'k5')
    await expect.poll(async () => (await read(first.json().run_id, 'k5')).json().status, PATIENT).toBe('COMPLETED')
    const second = await start(body, 'k5')
    expect([second.statusCode, second.json()]).toEqual([
      202,
      { run_id: first.json().run_id, session_id: 'k5', status: 'COMPLETED' },
    ])
  })

  test('makes one run of ten requests at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => start({ stream: false }, 'k6')))
    expect(new Set(answers.map((answer) => answer.json().run_id)).size).toBe(1)
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]))
  })

  test('is the same request as a form and as JSON', async () => {
    const first = await start({ stream: false, metadata: { a: 1, b: 2 } }, 'k7')
    const second = await server.app.inject({
      method: 'POST',
      url: '/agents/assistant/runs',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': 'k7' },
      payload: 'metadata={"b":2,"a":1}&stream=false&message=hi',
    })
    expect(second.json().run_id).toBe(first.json().run_id)
  })

  test('is refused with another body, and when it is empty or too long', async () => {
    await start({ stream: false }, 'k8')
    const other = await start({ stream: false, message: 'bye' }, 'k8')
    expect([other.statusCode, other.json().error_id]).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
    for (const key of ['', 'x'.repeat(513)]) {
      const answer = await start({ stream: false }, key)
      expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('1 to 512 characters')])
    }
    expect((await start({ stream: false }, 'x'.repeat(512))).statusCode).toBe(200)
  })
})

describe('a run that leaves its replica', () => {
  test('goes on in the same stream: the loss, what is void, and what is done again', async () => {
    let attempts = 0
    server.play = ({ job, handlers }) => {
      attempts++
      handlers.onEvents([
        { type: 'run-start', at: AT, model: MODEL },
        { type: 'content', at: AT, text: job.attempt === 1 ? 'lost' : 'kept' },
      ])
      if (job.attempt === 1) handlers.onLost('its worker ended')
      else handlers.onDone(COMPLETED)
    }
    const frames = framesOf((await start({})).body)
    expect(attempts).toBe(2)
    const lasting = ['CustomEvent', 'RunStarted', 'RunContent', 'RunCompleted']
    expect(frames.map(({ event }) => event)).toEqual(['RunStarted', 'RunContent', ...lasting])
    expect(frames[2]?.data).toMatchObject({ name: 'run_recovered', attempt: 2, void_from_index: 0 })
    const ids = frames.map(({ id }) => Number(id))
    expect(frames[2]?.data.void_to_index).toBe((ids[2] ?? 0) - 1)
    const { run_id, session_id } = frames[0]?.data ?? {}
    const { events } = (await read(run_id, session_id)).json()
    expect(events.map(({ event }: Fields) => event)).toEqual(lasting.toSpliced(2, 1))
    const replayed = await server.app.inject(`/agents/assistant/runs/${run_id}/events`)
    expect(framesOf(replayed.body).map(({ event }) => event)).toEqual(lasting)
  })

  test('is answered in the end with stream=false, as it is stored', async () => {
    server.play = ({ job, handlers }) => {
      if (job.attempt === 1) handlers.onLost('its worker ended')
      else handlers.onDone({ ...COMPLETED, content: 'second try' })
    }
    const answer = await start({ stream: false })
    expect(answer.json()).toMatchObject({ status: 'COMPLETED', content: 'second try' })
  })

  test('pauses for a call whose outcome nobody knows', async () => {
    server.play = ({ job, handlers }) => {
      if (job.attempt === 1) handlers.onLost('its worker ended')
      else handlers.onDone(paused(requirement({ kind: 'outcome-unknown' })))
    }
    expect((await start({ stream: false })).json()).toMatchObject({
      status: 'PAUSED',
      content: expect.stringContaining('confirm that it may run again'),
      tools: [{ external_execution_required: true }],
    })
  })

  test('is a 503 with where to find it when its replica stops first', async () => {
    await using stopping = await openReplica(database, { runs: { maxRuns: 1 } })
    stopping.play = () => {}
    const answer = stopping.app.inject({
      method: 'POST',
      url: '/agents/assistant/runs',
      payload: { message: 'hi', stream: false },
    })
    await expect.poll(() => stopping.runs.running(), PATIENT).toBe(1)
    server.play = ({ handlers }) => handlers.onDone(COMPLETED)
    await stopping.runs.release()
    expect([(await answer).statusCode, (await answer).json().error_id]).toEqual([503, 'RUN_HANDED_OVER'])
  })
})
