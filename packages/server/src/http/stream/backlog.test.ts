import { createEventStreamParser } from '@agentos/wire/client'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RunEvent } from '../../base/run.ts'
import type { Entry } from '../../runs/feed.ts'
import { encodeEvent } from '../agno/events.ts'
import { createBacklog } from './backlog.ts'
import { AT } from '../testing/fake-runs.ts'

const RUN = { runId: 'r', sessionId: 's', agentId: 'a', agentName: 'A' }
const entry = (index: number, event: RunEvent): Entry => ({ index, event, json: encodeEvent(event, RUN) })
const content = (text: string): RunEvent => ({ type: 'content', at: AT, text })
const frames = (text: string) =>
  createEventStreamParser()
    .push(text)
    .map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) }))

test('gives each event a frame with its index', () => {
  const backlog = createBacklog(false)
  for (const [index, text] of ['a', 'b'].entries()) backlog.add(entry(index, content(text)), false)
  expect(frames(backlog.take(Infinity))).toMatchObject([
    { id: '0', event: 'RunContent', data: { content: 'a' } },
    { id: '1', event: 'RunContent', data: { content: 'b' } },
  ])
  expect(backlog.take(Infinity)).toBe('')
  expect(backlog.bytes()).toBe(0)
})

test('gives the id of a failed call to its second frame, so that resuming loses neither', () => {
  const backlog = createBacklog(false)
  const tool = {
    toolCallId: 'c',
    toolName: 't',
    input: {},
    createdAt: AT,
    isError: true,
    result: 'no',
    stopAfterToolCall: false,
  }
  backlog.add(entry(4, { type: 'tool-end', at: AT, tool: { ...tool, durationMs: 1 } }), false)
  expect(frames(backlog.take(Infinity))).toMatchObject([
    { id: '', event: 'ToolCallCompleted' },
    { id: '4', event: 'ToolCallError', data: { error: 'no' } },
  ])
})

test('costs a slow reader text, not frames', () => {
  const joining = createBacklog(false)
  const apart = createBacklog(false)
  for (let index = 0; index < 100; index++) {
    joining.add(entry(index, content('token')), true)
    apart.add(entry(index, content('token')), false)
  }
  expect(joining.bytes()).toBeLessThan(apart.bytes() / 20)
  expect(frames(joining.take(Infinity))).toMatchObject([{ id: '99', data: { content: 'token'.repeat(100) } }])
})

test('gives a little at a time, in order, and keeps frames that are no events in their place', () => {
  const backlog = createBacklog(true)
  backlog.addFrame('event: replay\ndata: {}\n\n')
  for (let index = 0; index < 100; index++) backlog.add(entry(index, content('token')), false)
  backlog.addFrame('event: subscribed\ndata: {}\n\n')
  backlog.add(entry(100, content('last')), true)
  const pieces: string[] = []
  for (let text = backlog.take(1000); text !== ''; text = backlog.take(1000)) pieces.push(text)
  expect(pieces.length).toBeGreaterThan(10)
  for (const piece of pieces) expect(piece.length).toBeLessThan(1600)
  const names = frames(pieces.join('')).map(({ event, data }) => data.event_index ?? event)
  expect(names).toEqual(['replay', ...Array.from({ length: 100 }, (_, index) => index), 'subscribed', 100])
  expect(backlog.bytes()).toBe(0)
})

const anyEvent: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.string({ unit: 'binary' }).map(content),
  fc.string({ unit: 'binary' }).map((text): RunEvent => ({ type: 'reasoning', at: AT, text })),
  fc.constant<RunEvent>({ type: 'content-end', at: AT }),
)

test('says the same in the same order, however much of it was joined', () => {
  const spoken = (events: readonly { event: string; data: Record<string, unknown> }[]) => {
    const runs: { event: string; text: string }[] = []
    for (const { event, data } of events) {
      const text = [data['content'], data['reasoning_content']].filter((part) => typeof part === 'string').join('')
      const last = runs.at(-1)
      if (last?.event === event && event !== 'RunContentCompleted') last.text += text
      else runs.push({ event, text })
    }
    return runs
  }
  fc.assert(
    fc.property(fc.array(fc.tuple(anyEvent, fc.boolean(), fc.boolean())), (steps) => {
      const backlog = createBacklog(false)
      let sent = ''
      for (const [index, [event, joining, taking]] of steps.entries()) {
        backlog.add(entry(index, event), joining)
        if (taking) sent += backlog.take(Infinity)
      }
      const got = frames(sent + backlog.take(Infinity))
      const all = steps.map(([event]) => JSON.parse(encodeEvent(event, RUN)) as Record<string, unknown>)
      expect(spoken(got)).toEqual(spoken(all.map((data) => ({ event: String(data['event']), data }))))
      expect(got.at(-1)?.id).toBe(steps.length === 0 ? undefined : String(steps.length - 1))
    }),
  )
})
