import { ResumeFrame } from '@agentos/wire'
import { createEventStreamParser } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Started } from '../../runs/testing/executor.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { AT, COMPLETED, plainAnswer } from '../testing/fake-runs.ts'
import { openReplica, paused, type Replica, requirement } from '../testing/replica.ts'

/** A poll gives up after a second otherwise, which a busy machine may need. */
const PATIENT = { timeout: 10_000 }

let database: TestDatabase
let here: Replica
let there: Replica
let url: string
let otherUrl: string

beforeAll(async () => {
  database = await openTestDatabase()
  here = await openReplica(database)
  there = await openReplica(database)
  url = await here.listen()
  otherUrl = await there.listen()
})
afterAll(async () => {
  await here[Symbol.asyncDispose]()
  await there[Symbol.asyncDispose]()
  await database.close()
})

const content = (text: string) => ({ type: 'content', at: AT, text }) as const
const framesOf = (text: string) =>
  createEventStreamParser()
    .push(text)
    .map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) }))
const resume = (base: string, runId: string, form: Record<string, string> = {}) =>
  fetch(`${base}/agents/assistant/runs/${runId}/resume`, { method: 'POST', body: new URLSearchParams(form) })
const readEvents = (base: string, runId: string, headers: Record<string, string> = {}, query = '') =>
  fetch(`${base}/agents/assistant/runs/${runId}/events${query}`, { headers })

/** A run that has said `a`, `b` and goes on. */
async function begin(): Promise<{ readonly runId: string; readonly run: Started; readonly stream: Response }> {
  const started = Promise.withResolvers<Started>()
  here.play = started.resolve
  const stream = await fetch(`${url}/agents/assistant/runs`, {
    method: 'POST',
    body: new URLSearchParams({ message: 'hi' }),
  })
  const run = await started.promise
  run.handlers.onEvents([...plainAnswer('a').slice(0, 3), content('b')])
  return { runId: run.job.runId, run, stream }
}

/** A run that has ended, with five events. */
async function end(): Promise<string> {
  const { runId, run, stream } = await begin()
  run.handlers.onDone(COMPLETED)
  await stream.text()
  return runId
}

describe.each([
  ['the replica that has the run', () => url],
  ['another replica', () => otherUrl],
])('on %s, resuming', (_, base) => {
  test('catches up with what was missed, says so, and goes on to the end', async () => {
    const { runId, run, stream } = await begin()
    await expect.poll(async () => (await there.runs.follow(runId, -1))?.missed.length, PATIENT).toBe(4)
    const answer = await resume(base(), runId, { last_event_index: '1' })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    setTimeout(() => run.handlers.onDone(COMPLETED), 300)
    const text = await answer.text()
    expect(text).toMatch(/^event: catch_up\ndata: \{"event": "catch_up", "run_id": "[^"]+", "status": "running", /)
    const frames = framesOf(text)
    expect(frames.map(({ event, data }) => [event, data.event_index ?? null])).toEqual([
      ['catch_up', null],
      ['RunContent', 2],
      ['RunContent', 3],
      ['subscribed', null],
      ['RunCompleted', 4],
    ])
    expect(frames[0]?.data).toMatchObject({ run_id: runId, missed_events: 2, current_event_count: 4 })
    expect(frames[3]?.data).toMatchObject({ run_id: runId, status: 'running', current_event_count: 4 })
    for (const { data } of frames) expect(data.run_id).toBe(runId)
    for (const place of [0, 3]) expect(ResumeFrame.safeParse(frames[place]?.data).error).toBeUndefined()
    await stream.text()
  })

  test('subscribes at once when nothing was missed', async () => {
    const { runId, run, stream } = await begin()
    await expect.poll(async () => (await there.runs.follow(runId, -1))?.missed.length, PATIENT).toBe(4)
    const answer = await resume(base(), runId, { last_event_index: '3' })
    setTimeout(() => run.handlers.onDone(COMPLETED), 100)
    expect(framesOf(await answer.text()).map(({ event }) => event)).toEqual(['subscribed', 'RunCompleted'])
    await stream.text()
  })

  test('replays a run that has ended', async () => {
    const runId = await end()
    const frames = framesOf(await (await resume(base(), runId, { last_event_index: '2' })).text())
    expect(frames.map(({ id, event, data }) => [id, event, data.event_index ?? null])).toEqual([
      ['', 'replay', null],
      ['3', 'RunContent', 3],
      ['4', 'RunCompleted', 4],
    ])
    expect(ResumeFrame.safeParse(frames[0]?.data).error).toBeUndefined()
    expect(frames[0]?.data).toEqual({
      event: 'replay',
      run_id: runId,
      status: 'completed',
      total_events: 2,
      total_buffered: 5,
      last_event_index_requested: 2,
      message: 'Run completed. Replaying 2 missed events (of 5 total).',
    })
    const all = framesOf(await (await resume(base(), runId)).text())
    expect(all).toHaveLength(6)
    expect(all[0]?.data.last_event_index_requested).toBe(-1)
  })

  test('gives plain events after Last-Event-ID, the bytes that the first client got', async () => {
    const { runId, run, stream } = await begin()
    run.handlers.onDone(COMPLETED)
    const first = await stream.text()
    const again = await readEvents(base(), runId)
    expect(again.headers.get('content-type')).toContain('text/event-stream')
    expect(await again.text()).toBe(first)
    const rest = await (await readEvents(base(), runId, { 'last-event-id': '3' }, '?last_event_id=0')).text()
    expect(framesOf(rest).map(({ id, event }) => `${id} ${event}`)).toEqual(['4 RunCompleted'])
    expect(first.endsWith(rest)).toBe(true)
    expect((await readEvents(base(), runId, { 'last-event-id': '4' })).status).toBe(204)
    const byQuery = await (await readEvents(base(), runId, {}, '?last_event_id=3')).text()
    expect(byQuery).toBe(rest)
  })
})

test('a failed call has both its frames again, also from the database', async () => {
  const { run, stream, runId } = await begin()
  const tool = { toolCallId: 'c', toolName: 't', input: {}, createdAt: AT, stopAfterToolCall: false }
  run.handlers.onEvents([{ type: 'tool-end', at: AT, tool: { ...tool, isError: true, result: 'no', durationMs: 1 } }])
  run.handlers.onDone(COMPLETED)
  await stream.text()
  const frames = framesOf(await (await resume(otherUrl, runId, { last_event_index: '3' })).text())
  expect(frames.map(({ event, data }) => [event, data.event_index ?? null])).toEqual([
    ['replay', null],
    ['ToolCallCompleted', 4],
    ['ToolCallError', 4],
    ['RunCompleted', 5],
  ])
})

test('a paused run is replayed up to its pause', async () => {
  const { run, stream, runId } = await begin()
  run.handlers.onDone(paused(requirement()))
  await stream.text()
  const frames = framesOf(await (await resume(otherUrl, runId, { last_event_index: '3' })).text())
  expect(frames.map(({ event }) => event)).toEqual(['replay', 'RunPaused'])
  expect(frames[0]?.data.status).toBe('paused')
})

test('a run of which nothing is known is told in a frame by resume, and is 404 for events', async () => {
  const runId = await end()
  for (const [id, form] of [
    ['nope', {}],
    [runId, { session_id: 'another' }],
  ] as const) {
    const answer = await resume(url, id, form)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe(
      `event: error\ndata: {"event": "error", "error": "Run ${id} not found in buffer or database"}\n\n`,
    )
  }
  expect((await readEvents(url, 'nope')).status).toBe(404)
  expect((await readEvents(url, runId, {}, '?session_id=another')).status).toBe(404)
  expect((await fetch(`${url}/agents/nope/runs/${runId}/resume`, { method: 'POST' })).status).toBe(404)
})

test.each(['-2', '1.5', 'x', '1e99', '99999999999'])('an index of %s is 422', async (index) => {
  const runId = await end()
  expect((await resume(url, runId, { last_event_index: index })).status).toBe(422)
  const answer = await readEvents(url, runId, { 'last-event-id': index })
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ detail: [{ loc: ['header', 'last-event-id'] }] })
})

test('an index past the end is 400 and names the last one', async () => {
  const runId = await end()
  const answer = await resume(url, runId, { last_event_index: '5' })
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { detail: `last_event_index must be -1 to 4 for run ${runId}, got 5` },
  ])
  expect((await readEvents(url, runId, { 'last-event-id': '5' })).status).toBe(400)
  const live = await begin()
  expect((await resume(url, live.runId, { last_event_index: '2000000000' })).status).toBe(400)
  live.run.handlers.onDone(COMPLETED)
  await live.stream.text()
})

test('a run goes on while somebody follows it elsewhere, although its first client went away', async () => {
  const { runId, run, stream } = await begin()
  await expect.poll(async () => (await there.runs.follow(runId, -1))?.missed.length, PATIENT).toBe(4)
  const answer = await resume(url, runId)
  await stream.body?.cancel()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(run.cancelReason()).toBeUndefined()
  run.handlers.onDone(COMPLETED)
  expect(framesOf(await answer.text()).at(-1)?.event).toBe('RunCompleted')
})
