/**
 * kill -9 of a replica while it has runs at every point of their life: another replica goes on, and clients that come
 * back there hear one coherent story.
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './condition.ts'
import { HAS_POSTGRES } from './database.ts'
import { type Fleet, LEASE_MS, startFleet } from './fleet.ts'
import { type Accepted, answerRun, queueRun, readRun, type Run, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { postRun } from './stream.ts'
import { createTranscript, followToRest, type Transcript } from './transcript.ts'

/** Ids of the runs that are under way when their replica dies. */
const IN_TOOL = ['read', 'idempotent', 'keyed'] as const
const AFTER_TOOL = ['read', 'keyed', 'once'] as const
const IN_ONCE = ['once-told', 'once-again'] as const

describe.skipIf(!HAS_POSTGRES)('kill -9', () => {
  let fleet: Fleet
  const heard = new Map<string, Transcript>()
  let killedAt = 0
  const survivor = () => fleet.replica(1).url
  const requestsOf = async (id: string) => {
    const requests = await fleet.provider.requests()
    return requests.filter(({ body }) => body.includes(`id=${id},`)).length
  }

  beforeAll(async () => {
    fleet = await startFleet({ replicas: 2, env: { AGENTOS_MAX_ATTEMPTS: '2' } })
    const readings: Promise<boolean>[] = []
    const begin = async (agentId: string, script: { readonly id: string; readonly [item: string]: unknown }) => {
      const transcript = createTranscript(agentId)
      heard.set(script.id, transcript)
      const message = fake(script as Parameters<typeof fake>[0])
      readings.push(transcript.read(await postRun(fleet.replica(0).url, agentId, { message })))
    }
    const text = 'This is never heard to its end|Second try'
    for (const how of ['resume', 'events']) await begin('worker', { id: how, text, fault: 'hang', times: 1 })
    for (const tool of IN_TOOL) await begin('desk', { id: tool, tool, args: { id: tool, gate: 'open' }, text: 'Done' })
    for (const id of IN_ONCE) await begin('desk', { id, tool: 'once', args: { id, gate: 'open' }, text: 'Done' })
    await begin('desk', { id: 'several', tool: 'keyed+once', args: { id: 'several', gate: 'open' }, text: 'Done' })
    for (const tool of AFTER_TOOL) {
      const id = `after-${tool}`
      await begin('desk', { id, tool, args: { id }, text: 'Done', fault: 'mute', at: 2, times: 1 })
    }
    await until('all runs to be where they are to be killed', async () => {
      const held = await Promise.all([...IN_TOOL, ...IN_ONCE, 'several'].map((id) => fleet.effects.list(id)))
      const asked = await Promise.all(AFTER_TOOL.map((tool) => requestsOf(`after-${tool}`)))
      const talking = ['resume', 'events'].map((id) => heard.get(id)?.text() ?? '')
      return held.flat().length === 7 && asked.every((count) => count === 2) && !talking.includes('')
    })
    await fleet.kill(0)
    killedAt = performance.now()
    await Promise.all(readings)
    await fleet.effects.open('open')
  })
  afterAll(() => fleet?.[Symbol.asyncDispose]())

  /** Comes back at the survivor and listens to the end. */
  const goOn = async (id: string, how: 'resume' | 'events' = 'resume') => {
    const transcript = heard.get(id)
    const run = transcript?.run()
    if (transcript === undefined || run === undefined)
      throw new Error(`run ${id} had told nothing before it was killed`)
    await followToRest(transcript, survivor, { how })
    expect(transcript.disorder).toEqual([])
    return { transcript, run, end: transcript.end() }
  }

  test.each(['resume', 'events'] as const)(
    'in an answer: it is given again, and a client that joins with /%s hears only that one',
    async (how) => {
      const { transcript, run, end } = await goOn(how, how)
      expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + 6_000)
      expect(transcript.text()).toBe('Second try')
      expect(end).toMatchObject({ event: 'RunCompleted', content: 'Second try' })
      expect(transcript.recoveries()).toBe(1)
      expect(await readRun(survivor(), run)).toMatchObject({ status: 'COMPLETED', content: 'Second try' })
      expect(await requestsOf(how)).toBe(2)
    },
  )

  test.each(IN_TOOL)('in a tool of effect %s: the tool runs again, the model is not asked again', async (tool) => {
    const { run, end } = await goOn(tool)
    expect(end).toMatchObject({ event: 'RunCompleted', content: 'Done' })
    const effects = await fleet.effects.list(tool)
    expect(effects).toHaveLength(2)
    expect(new Set(effects.map(({ pid }) => pid)).size).toBe(2)
    expect(new Set(effects.map(({ effectKey }) => effectKey)).size).toBe(1)
    expect(await readRun(survivor(), run)).toMatchObject({ tools: [{ result: `${tool} did ${tool}` }] })
    expect(await requestsOf(tool)).toBe(2)
  })

  /** A run that waits because nobody knows whether its `once` tool ran. */
  const pausedAsUnknown = async (id: string) => {
    const { run, end } = await goOn(id)
    expect(end).toMatchObject({ event: 'RunPaused' })
    const paused = await readRun(survivor(), run)
    expect(paused).toMatchObject({ status: 'PAUSED', requirements: [{ tool_execution: { tool_name: 'once' } }] })
    expect(paused.requirements).toHaveLength(1)
    return { run, toolCallId: callOf(paused) }
  }

  test('in a tool of effect once: the run waits for a person, whose word counts as the result', async () => {
    const { run, toolCallId } = await pausedAsUnknown('once-told')
    const done = await answerRun(survivor(), run, [{ tool_call_id: toolCallId, result: 'It was booked' }])
    expect(done).toMatchObject({ status: 'COMPLETED', content: 'Done', tools: [{ result: 'It was booked' }] })
    expect(await fleet.effects.list('once-told')).toHaveLength(1)
  })

  test('in a tool of effect once: the run waits for a person, who may let it run again', async () => {
    const { run, toolCallId } = await pausedAsUnknown('once-again')
    const done = await answerRun(survivor(), run, [{ tool_call_id: toolCallId, confirmed: true }])
    expect(done).toMatchObject({ status: 'COMPLETED', content: 'Done', tools: [{ result: 'once did once-again' }] })
    expect(await fleet.effects.list('once-again')).toHaveLength(2)
  })

  test('in a step with several tools: only what must not run twice waits', async () => {
    const { run, toolCallId } = await pausedAsUnknown('several')
    const done = await answerRun(survivor(), run, [{ tool_call_id: toolCallId, result: 'fine' }])
    expect(done.status).toBe('COMPLETED')
    const tools = (await fleet.effects.list('several')).map(({ tool }) => tool).toSorted()
    expect(tools).toEqual(['keyed', 'keyed', 'once'])
  })

  test.each([
    ['once', 1],
    ['keyed', 1],
    ['read', 2],
  ])('between a tool of effect %s and the next model call: the tool has run %i times', async (tool, times) => {
    const { transcript, end } = await goOn(`after-${tool}`)
    expect(end).toMatchObject({ event: 'RunCompleted', content: 'Done' })
    expect(transcript.text()).toBe('Done')
    expect(await fleet.effects.list(`after-${tool}`)).toHaveLength(times)
    expect(await requestsOf(`after-${tool}`)).toBe(3)
  })

  // Last: it kills the survivor.
  test('again and again: a queued run goes on elsewhere; after the last attempt it fails and says so', async () => {
    const run: Accepted = await queueRun(survivor(), 'worker', { message: fake({ id: 'doomed', fault: 'mute' }) })
    await until('the first attempt', async () => (await requestsOf('doomed')) === 1)
    const queued = await queueRun(survivor(), 'worker', { message: fake({ id: 'queued', text: 'Done' }) })
    await fleet.start(0)
    await fleet.kill(1)
    await until('the second attempt', async () => (await requestsOf('doomed')) === 2)
    expect(await waitForRest(fleet.replica(0).url, queued)).toMatchObject({ status: 'COMPLETED', content: 'Done' })
    await fleet.start(1)
    await fleet.kill(0)
    const failed = await waitForRest(survivor(), run)
    expect(failed).toMatchObject({ status: 'ERROR', content: expect.stringMatching(/attempt/i) })
    expect(await requestsOf('doomed')).toBe(2)
  })
})

/** The call that a paused run waits for. */
function callOf(run: Run): string {
  const [requirement] = run.requirements ?? []
  if (requirement === undefined) throw new Error(`run ${run.run_id} waits for nothing`)
  return requirement.tool_execution.tool_call_id
}
