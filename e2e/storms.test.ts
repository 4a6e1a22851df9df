/**
 * Replicas that die, restart, are replaced and freeze while clients use them: nothing that was accepted is lost, nothing
 * happens twice.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { account, doubledEffects } from './account.ts'
import { until } from './condition.ts'
import { HAS_POSTGRES, runSql } from './database.ts'
import { EFFECT_TOOLS } from './effects.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { type Accepted, queueRun, readRun, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { postRun } from './stream.ts'
import { createTranscript, followToRest, isBroken, type Transcript } from './transcript.ts'

const RUNS = 40
const KILLS = 6
const STREAMS = 24
/** Of each answer under the rollout; two seconds, so that it meets one or two stops. */
const WORDS = 30
/** Between the starts of two runs, so that every part of the storm meets some. */
const START_GAP_MS = 250

describe.skipIf(!HAS_POSTGRES)('a storm', () => {
  // The tests follow one another on the same fleet: each leaves at least two replicas to the next.
  let fleet: Fleet
  beforeAll(async () => {
    // So many attempts that none is given up: what is lost here is lost for good.
    const env = { AGENTOS_MAX_ATTEMPTS: '50', AGENTOS_DRAIN_TIMEOUT_MS: '1000' }
    fleet = await startFleet({ replicas: 3, env })
  })
  afterAll(() => fleet?.[Symbol.asyncDispose]())

  test(
    `of ${KILLS} times kill -9 among three replicas with ${RUNS} runs: all are accounted for`,
    { timeout: 90_000 },
    async () => {
      const clients = Promise.all(Array.from({ length: RUNS }, (_, number) => runInStorm(fleet, number)))
      const storm = async () => {
        for (let kills = 0; kills < KILLS; kills++) {
          const index = kills % 3
          await fleet.kill(index)
          await sleep(300)
          await fleet.start(index)
        }
      }
      const [accepted] = await Promise.all([clients, storm()])

      const { faults, count } = await account(anyOf(fleet), accepted)
      expect(faults).toEqual([])
      expect(count.COMPLETED + count.PAUSED).toBe(RUNS)
      expect(count.COMPLETED).toBeGreaterThan(RUNS / 2)
      const effects = await fleet.effects.list()
      expect(doubledEffects(effects)).toEqual([])
      // The storm was one: some call was repeated.
      expect(new Set(effects.map(({ runId, id }) => `${runId} ${id}`)).size).toBeLessThan(effects.length)
      const runs = await runSql(fleet.databaseUrl, 'select count(*) from agentos_runs')
      expect(runs).toEqual([[String(RUNS)]])
    },
  )

  test(`of a rollout under ${STREAMS} streams: every client hears its whole answer, and no run is lost`, async () => {
    const clients = Array.from({ length: STREAMS }, async (_, number) => {
      const steps = { id: `rollout-${number}.`, tool: 'once', calls: 3, args: { id: `rollout-${number}.$call` } }
      const heard = createTranscript('desk')
      const message = fake({ ...steps, tokens: WORDS, rate: 15 })
      await heard.read(await postRun(fleet.replica(number % 3).url, 'desk', { message }))
      await followToRest(heard, anyOf(fleet))
      return heard
    })
    const rollout = async () => {
      const exits: (number | null)[] = []
      for (const index of [0, 1, 2]) {
        await fleet.start(index + 3)
        exits.push(await fleet.stop(index))
      }
      return exits
    }
    const [exits, heard] = await Promise.all([rollout(), Promise.all(clients)])
    expect(exits).toEqual([0, 0, 0])
    expect(heard.map((transcript) => wordsOf(transcript))).toEqual(heard.map(() => WORDS))
    expect(heard.flatMap(({ disorder }) => disorder)).toEqual([])
    const { faults, count } = await account(anyOf(fleet), heard.map(acceptedOf))
    expect({ faults, completed: count.COMPLETED }).toEqual({ faults: [], completed: STREAMS })
    expect(doubledEffects(await fleet.effects.list())).toEqual([])
  })

  test('of impatience: a second SIGTERM ends a server at once, and its runs go on elsewhere', async () => {
    const hurried = await fleet.start(6, { AGENTOS_DRAIN_TIMEOUT_MS: '60000' })
    const heard = createTranscript('worker')
    const script = { id: 'hurry', text: 'One two three|All of it', fault: 'hang', times: 1 }
    const reading = heard.read(await postRun(hurried.url, 'worker', { message: fake(script) }))
    await until('the first words', () => heard.text() !== '')
    process.kill(hurried.pid, 'SIGTERM')
    await until('the server to begin its stop', () => hurried.log.some(({ message }) => message === 'stopping'))
    const askedAt = performance.now()
    expect(await fleet.stop(6)).toBe(0)
    expect(performance.now() - askedAt).toBeLessThan(6_000)
    await reading
    await followToRest(heard, anyOf(fleet))
    expect({ text: heard.text(), disorder: heard.disorder }).toEqual({ text: 'All of it', disorder: [] })
  })

  test('of silence: a replica that is frozen past its lease writes nothing when it wakes', async () => {
    const [zombie, survivor] = fleet.running()
    if (zombie === undefined || survivor === undefined) throw new Error('two replicas have to run')
    const inText = createTranscript('worker')
    const inTool = createTranscript('desk')
    const text = { id: 'frozen-text', text: 'The first try that is never told to its end|Second try', rate: 5 }
    const tool = { id: 'frozen-tool', tool: 'keyed', args: { id: 'frozen', gate: 'thaw' }, text: 'Done' }
    const readings = [
      inText.read(await postRun(zombie.url, 'worker', { message: fake(text) })),
      inTool.read(await postRun(zombie.url, 'desk', { message: fake(tool) })),
    ]
    await until('the first words', () => inText.text() !== '')
    await fleet.effects.happened('frozen')
    const accepted = [inText, inTool].map(acceptedOf)

    process.kill(zombie.pid, 'SIGSTOP')
    try {
      await fleet.effects.open('thaw')
      const ended = await Promise.all(accepted.map((run) => waitForRest(survivor.url, run)))
      expect(ended).toMatchObject([{ content: 'Second try' }, { content: 'Done' }])
      const before = await storedOf(fleet, survivor.url, accepted)
      const requestsBefore = (await fleet.provider.stats()).requests
      process.kill(zombie.pid, 'SIGCONT')
      await Promise.all(readings)
      await sleep(1_500)
      expect(await storedOf(fleet, survivor.url, accepted)).toEqual(before)
      expect((await fleet.provider.stats()).requests).toBe(requestsBefore)
    } finally {
      process.kill(zombie.pid, 'SIGCONT')
    }
    expect(await fleet.effects.list('frozen')).toHaveLength(2)
    expect(doubledEffects(await fleet.effects.list())).toEqual([])
    // Its clients hear of the end there too, and it serves on.
    for (const transcript of [inText, inTool]) await followToRest(transcript, () => zombie.url)
    expect([inText.text(), inTool.text()]).toEqual(['Second try', 'Done'])
    const next = await queueRun(zombie.url, 'worker', { message: fake({ text: 'Fine' }) })
    expect(await waitForRest(zombie.url, next)).toMatchObject({ content: 'Fine' })
  })
})

/** A run of three steps whose client does not give up: half of them streamed, half in the background. */
async function runInStorm(fleet: Fleet, number: number): Promise<Accepted> {
  const tool = EFFECT_TOOLS[number % EFFECT_TOOLS.length]
  const id = `storm-${number}.`
  const message = fake({ id, tool, calls: 3, args: { id: `${id}$call` }, first: 200, tokens: 30, rate: 30 })
  const heard = createTranscript('desk')
  const url = anyOf(fleet)
  await sleep(number * START_GAP_MS)
  for (;;) {
    const target = url()
    try {
      if (target === undefined) await sleep(50)
      // The key makes asking again safe: the answer to the first request may have been lost.
      else if (number % 2 === 0) return await queueRun(target, 'desk', { message }, id)
      else {
        const response = await postRun(target, 'desk', { message }, { headers: { 'idempotency-key': id } })
        if (response.status === 503) throw new ApiError(503, await response.json(), undefined)
        await heard.read(response)
        if (heard.run() === undefined) continue
        await followToRest(heard, url, { timeoutMs: 60_000 })
        if (heard.disorder.length > 0)
          throw new Error(`events of ${id} came out of order: ${heard.disorder.join(', ')}`)
        return acceptedOf(heard)
      }
    } catch (error) {
      // A replica whose agents have not loaded yet says so.
      if (!isBroken(error) && !(error instanceof ApiError && error.status === 503)) throw error
      await sleep(50)
    }
  }
}

/** One of the replicas that run, each time another. */
function anyOf(fleet: Fleet): () => string | undefined {
  let turn = 0
  return () => {
    const urls = fleet.urls()
    return urls[turn++ % Math.max(1, urls.length)]
  }
}

function acceptedOf(transcript: Transcript): Accepted {
  const run = transcript.run()
  if (run === undefined) throw new Error('the run sent no event')
  return run
}

function wordsOf(transcript: Transcript): number {
  return transcript.text().trim().split(' ').length
}

/** All that is stored of the runs, as it is. */
async function storedOf(fleet: Fleet, url: string, runs: readonly Accepted[]): Promise<unknown> {
  return Promise.all(
    runs.map(async (run) => ({
      shown: await readRun(url, run),
      row: await runSql(fleet.databaseUrl, 'select to_jsonb(r) from agentos_runs r where run_id = $1', [run.runId]),
      events: await runSql(
        fleet.databaseUrl,
        'select first_index, last_index, events from agentos_run_events where run_id = $1 order by first_index',
        [run.runId],
      ),
    })),
  )
}
