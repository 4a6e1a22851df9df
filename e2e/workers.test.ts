/**
 * Replicas that answer requests and take nothing from the queue, beside workers that do: where runs run, and who goes on
 * with what is lost.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './condition.ts'
import { HAS_POSTGRES, runSql } from './database.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { answerRun, cancelRun, queueRun, type Run, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { postRun } from './stream.ts'
import { createTranscript, followToRest } from './transcript.ts'

const TAKES_NONE = { AGENTOS_MAX_BACKGROUND_RUNS: '0', AGENTOS_KNOWLEDGE_JOBS: '0' }
const WORKER = 2

const CLERK = `import { agent, tool } from '@agentos/sdk'
import { act, INPUT } from './lib/act.ts'
const confirm = tool({
  name: 'confirm', input: INPUT, requiresConfirmation: true, run: (input, ctx) => act('confirm', input, ctx),
})
export default agent({ id: 'clerk', name: 'Clerk', tools: [confirm] })
`

describe.skipIf(!HAS_POSTGRES)('two replicas that take nothing from the queue', () => {
  let fleet: Fleet
  beforeAll(async () => {
    fleet = await startFleet({
      replicas: 2,
      agents: { 'clerk.ts': CLERK },
      env: { ...TAKES_NONE, AGENTOS_DRAIN_TIMEOUT_MS: '1000' },
    })
  })
  afterAll(() => fleet?.[Symbol.asyncDispose]())

  const url = (index: number) => fleet.replica(index).url
  const startWorker = () => fleet.start(WORKER, { AGENTOS_MAX_BACKGROUND_RUNS: '10', AGENTOS_KNOWLEDGE_JOBS: '4' })
  /** What did the only effect of `id`. */
  const whoDid = async (id: string) => (await fleet.effects.happened(id)).pid
  const pid = (index: number) => fleet.replica(index).pid
  const job = (id: string) => ({ message: fake({ id, tool: 'read', args: { id }, text: 'Done' }) })
  /** An inline run of replica 0 whose tool has had its effect and waits for the gate `id`. */
  const startHeld = async (id: string, tool: string, text = 'Done') => {
    const heard = createTranscript('desk')
    const message = fake({ id, tool, args: { id, gate: id }, text })
    const reading = heard.read(await postRun(url(0), 'desk', { message }))
    await fleet.effects.happened(id)
    return { heard, reading }
  }
  /** Known to the whole fleet, by its heartbeat. */
  const workerIsKnown = () =>
    until('the worker to be known', async () => {
      const [[count] = []] = await runSql(
        fleet.databaseUrl,
        `select count(*) from agentos_replicas where takes_runs and revision is not null and heartbeat_at > now() - interval '10 s'`,
      )
      return Number(count) > 0
    })

  test('are not what KEDA counts of the chart: it counts what waits for workers, not what runs inline', async () => {
    const golden = await readFile(join(import.meta.dirname, '../tools/chart/golden/workers.yaml'), 'utf8')
    const query = /query: >-\n([^]*?)\n\s+targetQueryValue/.exec(golden)?.[1] ?? ''
    const count = async () => Number((await runSql(fleet.databaseUrl, query))[0]?.[0])
    expect(await count()).toBe(0)
    const { reading } = await startHeld('counted', 'read')
    expect(await count()).toBe(0)
    const queued = await queueRun(url(0), 'desk', job('waiting'))
    expect(await count()).toBe(1)
    await cancelRun(url(0), queued)
    await fleet.effects.open('counted')
    await reading
    expect(await count()).toBe(0)
  })

  test('leave background runs to a worker, and follow them', async () => {
    const queued = await Promise.all(
      [0, 1, 0, 1].map((at, number) => queueRun(url(at), 'desk', job(`early-${number}`))),
    )
    const heard = createTranscript('desk')
    const reading = heard.read(await postRun(url(0), 'desk', { ...job('followed'), background: 'true' }))
    await new Promise((done) => setTimeout(done, 1500))
    for (const id of ['early-0', 'early-1', 'early-2', 'early-3', 'followed']) {
      expect(await fleet.effects.list(id)).toEqual([])
    }
    expect((await createClient({ baseUrl: url(0) }).status()).runs).toMatchObject({ waiting: 5, background_limit: 0 })
    await startWorker()
    for (const run of queued) expect(await waitForRest(url(1), run)).toMatchObject({ status: 'COMPLETED' })
    await reading
    expect(heard.end()).toMatchObject({ event: 'RunCompleted', content: 'Done' })
    for (const number of [0, 1, 2, 3]) expect(await whoDid(`early-${number}`)).toBe(pid(WORKER))
    expect(await whoDid('followed')).toBe(pid(WORKER))
  })

  test('run inline what is started inline', async () => {
    const message = fake({ id: 'inline', tool: 'read', args: { id: 'inline' }, text: 'Done' })
    await createClient({ baseUrl: url(0) }).run('desk', { message })
    expect(await whoDid('inline')).toBe(pid(0))
  })

  test('cancel a run of the worker, and go on inline with one that it paused', async () => {
    const [cancelled, paused] = await Promise.all([
      queueRun(url(0), 'desk', {
        message: fake({ id: 'cancelled', tool: 'read', args: { id: 'cancelled', gate: 'never' } }),
      }),
      queueRun(url(0), 'clerk', {
        message: fake({ id: 'asked', tool: 'confirm', args: { id: 'asked' }, text: 'Done' }),
      }),
    ])
    expect(await whoDid('cancelled')).toBe(pid(WORKER))
    await cancelRun(url(1), cancelled)
    expect(await waitForRest(url(0), cancelled)).toMatchObject({ status: 'CANCELLED' })
    const waiting = callsOf(await waitForRest(url(0), paused))
    expect(await answerRun(url(1), paused, waiting)).toMatchObject({ status: 'COMPLETED' })
    expect(await whoDid('asked')).toBe(pid(1))
  })

  test('hand inline runs to the worker when they are drained', async () => {
    await workerIsKnown()
    const { heard, reading } = await startHeld('drained', 'idempotent')
    await Promise.all([fleet.stop(0), reading])
    await fleet.effects.open('drained')
    await followToRest(heard, () => url(1))
    expect(heard.end()).toMatchObject({ event: 'RunCompleted', content: 'Done' })
    expect((await fleet.effects.list('drained')).at(-1)?.pid).toBe(pid(WORKER))
    await fleet.start(0)
  })

  test('leave the inline run of one that was killed to the worker, and tell it whole to who resumes at the other', async () => {
    await workerIsKnown()
    const { heard, reading } = await startHeld('killed', 'idempotent', 'All of it')
    await fleet.kill(0)
    await reading
    await fleet.effects.open('killed')
    await followToRest(heard, () => url(1))
    expect(heard.disorder).toEqual([])
    expect(heard.text()).toBe('All of it')
    expect(heard.end()).toMatchObject({ event: 'RunCompleted', content: 'All of it' })
    const pids = (await fleet.effects.list('killed')).map((effect) => effect.pid)
    expect(pids).toHaveLength(2)
    expect(pids[1]).toBe(pid(WORKER))
    await fleet.start(0)
  })

  test('go on with inline runs of each other while no worker lives, and take no background run', async () => {
    await fleet.stop(WORKER)
    const { heard, reading } = await startHeld('alone', 'idempotent')
    const queued = await queueRun(url(0), 'desk', job('late'))
    await fleet.kill(0)
    await reading
    await fleet.effects.open('alone')
    await followToRest(heard, () => url(1))
    expect(heard.end()).toMatchObject({ event: 'RunCompleted', content: 'Done' })
    expect((await fleet.effects.list('alone')).at(-1)?.pid).toBe(pid(1))
    expect(await fleet.effects.list('late')).toEqual([])
    await startWorker()
    expect(await waitForRest(url(1), queued)).toMatchObject({ status: 'COMPLETED' })
    expect(await whoDid('late')).toBe(pid(WORKER))
  })
})

const callsOf = ({ requirements }: Run) =>
  (requirements ?? []).map(({ tool_execution }) => ({ ...tool_execution, confirmed: true }))
