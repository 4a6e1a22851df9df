/**
 * The queue that two replicas share: how much it takes, in which order it runs, how it is told to stop.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './condition.ts'
import { HAS_POSTGRES, runSql } from './database.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { type Accepted, cancelRun, queueRun, readRun, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { postRun } from './stream.ts'

/** Background runs at once per replica. */
const SLOTS = 6
const DEPTH = 1_000
/** Requests at once of the test itself. */
const SENDERS = 16

describe.skipIf(!HAS_POSTGRES)('two replicas with one queue', () => {
  let fleet: Fleet
  beforeAll(async () => {
    const env = { AGENTOS_MAX_BACKGROUND_RUNS: String(SLOTS), AGENTOS_MAX_QUEUE_DEPTH: String(DEPTH) }
    fleet = await startFleet({ replicas: 2, env })
  })
  afterAll(() => fleet?.[Symbol.asyncDispose]())

  const url = (number: number) => fleet.replica(number % 2).url
  const requestsOf = async (id: string) => {
    const requests = await fleet.provider.requests()
    return requests.filter(({ body }) => body.includes(id)).length
  }
  /** Occupies every slot of both replicas until `release`. */
  const occupy = async (name: string) => {
    const gates = Array.from({ length: 2 * SLOTS }, (_, index) => `${name}-${index}`)
    const blockers = await Promise.all(
      gates.map((id, index) => {
        const message = fake({ id, tool: 'read', args: { id, gate: id }, text: 'Done' })
        return queueRun(url(index), 'desk', { message })
      }),
    )
    await Promise.all(gates.map((id) => fleet.effects.happened(id)))
    const release = async (count = gates.length) => {
      for (const gate of gates.slice(0, count)) await fleet.effects.open(gate)
    }
    return { blockers, release }
  }

  test(`takes ${DEPTH} runs and no more, then runs each once`, { timeout: 60_000 }, async () => {
    const { blockers, release } = await occupy('depth')
    const accepted: Accepted[] = []
    let next = 0
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        while (next < DEPTH) {
          const number = next++
          accepted.push(await queueRun(url(number), 'worker', { message: fake({ id: `n${number}.`, text: 'Done' }) }))
        }
      }),
    )
    const refused = await postRun(url(0), 'worker', { message: 'Hello', background: 'true', stream: 'false' })
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 429,
      body: { error_id: 'QUEUE_FULL' },
    })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    // A full queue is no reason to refuse those who wait for their answer.
    expect(await createClient({ baseUrl: url(0) }).run('worker', { message: fake({ text: 'At once' }) })).toMatchObject(
      {
        content: 'At once',
      },
    )

    await release()
    await until(
      'the queue to be empty',
      async () => {
        const [[open] = []] = await runSql(
          fleet.databaseUrl,
          `select count(*) from agentos_runs where status in ('PENDING', 'RUNNING')`,
        )
        return open === '0'
      },
      40_000,
    )
    const ends = await runSql(
      fleet.databaseUrl,
      `select run_id from agentos_runs where background and status = 'COMPLETED' and attempt = 1`,
    )
    const finished = new Set(ends.map(([id]) => id))
    expect([...accepted, ...blockers].filter(({ runId }) => !finished.has(runId))).toEqual([])
    const asked = await fleet.provider.requests()
    const ids = asked.flatMap(({ body }) => /id=n(\d+)\./.exec(body)?.[1] ?? [])
    expect({ asked: ids.length, different: new Set(ids).size }).toEqual({ asked: DEPTH, different: DEPTH })
  })

  test('runs those of a session one after the other, in the order in which they came', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `turn-${index}`)
    const runs: Accepted[] = []
    for (const [index, id] of ids.entries()) {
      const message = fake({ id, tool: 'once', args: { id }, text: id })
      runs.push(await queueRun(url(index), 'desk', { message, session_id: 'in-order' }))
    }
    for (const run of runs) expect(await waitForRest(url(0), run)).toMatchObject({ status: 'COMPLETED' })
    const effects = await fleet.effects.list()
    expect(effects.map(({ id }) => id).filter((id) => id.startsWith('turn'))).toEqual(ids)
    // Each knows what the one before it said.
    const requests = await fleet.provider.requests()
    const lastRequest = requests.findLast(({ body }) => body.includes('id=turn-7'))?.body ?? ''
    expect(lastRequest).toContain('"turn-6"')
  })

  test('runs urgent ones first', async () => {
    const { release } = await occupy('urgent')
    const runs: Accepted[] = []
    for (const [index, priority] of [0, -100, 10, 0, 100].entries()) {
      const id = `priority-${priority}-${index}`
      const message = fake({ id, tool: 'once', args: { id }, text: 'Done' })
      runs.push(await queueRun(url(index), 'desk', { message, priority }))
    }
    // One slot of one replica: the runs pass through it one by one.
    await release(1)
    for (const run of runs) await waitForRest(url(0), run)
    await release()
    const order = (await fleet.effects.list()).map(({ id }) => id).filter((id) => id.startsWith('priority'))
    expect(order).toEqual(['priority-100-4', 'priority-10-2', 'priority-0-0', 'priority-0-3', 'priority--100-1'])
  })

  test('cancels a run that waits, runs elsewhere, is in a tool; and again, and one that has ended', async () => {
    const { release } = await occupy('cancel')
    const waiting = await queueRun(url(0), 'worker', { message: fake({ id: 'never-asked' }) })
    await cancelRun(url(1), waiting)
    expect(await waitForRest(url(0), waiting, 2_000)).toMatchObject({ status: 'CANCELLED' })
    await release()

    const id = 'cancel-in-tool'
    const script = fake({ id, tool: 'once', args: { id, gate: id }, text: 'Done' })
    const started = await Promise.all([0, 1].map((index) => queueRun(url(index), 'desk', { message: script })))
    await fleet.effects.happened(id, 2)
    const streaming = await queueRun(url(0), 'worker', { message: fake({ id: 'cancel-text', tokens: 900, rate: 50 }) })
    await until('the streaming run to begin', async () => (await requestsOf('cancel-text')) === 1)
    const askedAt = performance.now()
    // Twice, at both: wherever each of them runs, one of the two is not its own replica.
    await Promise.all([...started, streaming].flatMap((run) => [cancelRun(url(0), run), cancelRun(url(1), run)]))
    for (const run of [...started, streaming]) {
      expect(await waitForRest(url(0), run)).toMatchObject({ status: 'CANCELLED' })
    }
    expect(performance.now() - askedAt).toBeLessThan(2_500)
    await cancelRun(url(0), waiting)
    expect(await readRun(url(1), waiting)).toMatchObject({ status: 'CANCELLED' })
    expect(await requestsOf('never-asked')).toBe(0)
    await until('the model request to be given up', async () => (await fleet.provider.stats()).open === 0)
  })

  test('answers one Idempotency-Key with one run, however often it comes and wherever', async () => {
    const send = (number: number, text: string) =>
      postRun(
        url(number),
        'worker',
        { message: fake({ id: `key-${text}`, text }), background: 'true', stream: 'false' },
        { headers: { 'idempotency-key': 'order 66' } },
      )
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const response = await send(number, 'same')
        return { status: response.status, body: (await response.json()) as { run_id: string; session_id: string } }
      }),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const [first] = answers.map(({ body }) => body)
    expect(new Set(answers.map(({ body }) => body.run_id))).toEqual(new Set([first?.run_id]))
    const run = { agentId: 'worker', runId: first?.run_id ?? '', sessionId: first?.session_id ?? '' }
    expect(await waitForRest(url(0), run)).toMatchObject({ status: 'COMPLETED', content: 'same' })
    expect(await requestsOf('key-same')).toBe(1)
    const other = await send(1, 'other')
    expect({ status: other.status, body: await other.json() }).toMatchObject({
      status: 409,
      body: { error_id: 'IDEMPOTENCY_CONFLICT' },
    })
  })

  test('runs a failed job again when an operator asks, and only then', async () => {
    const run = await queueRun(url(0), 'worker', { message: fake({ id: 'requeue', fail: 401, times: 1, text: 'Now' }) })
    expect(await waitForRest(url(0), run)).toMatchObject({ status: 'ERROR' })
    const requeue = () => fetch(`${url(1)}/queue/jobs/${run.runId}/requeue`, { method: 'POST' })
    const answers = await Promise.all(Array.from({ length: 10 }, requeue))
    for (const answer of answers) await answer.body?.cancel()
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9)
    expect(await waitForRest(url(0), run)).toMatchObject({ status: 'COMPLETED', content: 'Now' })
    const again = await requeue()
    expect({ status: again.status, body: await again.json() }).toMatchObject({
      status: 409,
      body: { error_id: 'JOB_NOT_REQUEUEABLE' },
    })
  })

  test('keeps all of 16 runs that a session has at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, number) =>
        createClient({ baseUrl: url(number) }).run('worker', {
          message: fake({ text: `Answer ${number}`, first: 100 }),
          session_id: 'crowded',
        }),
      ),
    )
    expect(answers.map(({ content }) => content)).toEqual(answers.map((_, number) => `Answer ${number}`))
    const runs = await createClient({ baseUrl: url(0) }).sessions.runs('crowded')
    expect(new Set(runs.map(({ run_id }) => run_id))).toEqual(new Set(answers.map(({ run_id }) => run_id)))
    expect(runs).toHaveLength(16)
  })
})
