import { createEventStreamParser } from '@agentos/wire/client'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RunEvent } from '../../base/run.ts'
import { encodeEvent } from '../agno/events.ts'
import { nameOfEntry, toFrames } from './event-frames.ts'
import { AT, COMPLETED, MODEL } from '../testing/fake-runs.ts'

const RUN = { runId: 'r', sessionId: 's', agentId: 'a', agentName: 'A' }
const tool = { toolCallId: 'c', toolName: 't', input: {}, createdAt: AT, stopAfterToolCall: false }
const failed: RunEvent = { type: 'tool-end', at: AT, tool: { ...tool, isError: true, result: 'no', durationMs: 1 } }
const framesOf = (text: string) => createEventStreamParser().push(text)

const anyEvent: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.string({ unit: 'binary' }).map((text): RunEvent => ({ type: 'content', at: AT, text })),
  fc.string({ unit: 'binary' }).map((text): RunEvent => ({ type: 'reasoning', at: AT, text })),
  fc.constantFrom<RunEvent>(
    { type: 'run-start', at: AT, model: MODEL },
    { type: 'run-continue', at: AT },
    { type: 'run-recover', at: AT, attempt: 2, voidFrom: 3, voidTo: 9 },
    { type: 'tool-end', at: AT, tool: { ...tool, isError: false, result: '"tool_call_error":true', durationMs: 1 } },
    { type: 'run-end', at: AT, result: COMPLETED, sessionState: {} },
    failed,
  ),
)

test('are the same for an event that is live here and for the line that was stored of it', () => {
  fc.assert(
    fc.property(anyEvent, fc.nat(), fc.boolean(), (event, index, withIndex) => {
      const json = encodeEvent(event, RUN)
      const live = toFrames({ index, json, event }, withIndex)
      expect(toFrames({ index, json }, withIndex)).toBe(live)
      expect(nameOfEntry({ index, json })).toBe(nameOfEntry({ index, json, event }))
      const frames = framesOf(live)
      expect(frames.at(-1)?.id).toBe(String(index))
      for (const frame of frames) {
        const data = JSON.parse(frame.data)
        expect([data.event, data.event_index]).toEqual([frame.event, withIndex ? index : undefined])
      }
      expect(framesOf(toFrames({ index, json }, false))[0]?.data).toBe(json)
    }),
  )
})

test('of a failed call are two, and only the second one has the id', () => {
  const frames = framesOf(toFrames({ index: 7, json: encodeEvent(failed, RUN) }, true))
  expect(frames.map(({ id, event }) => [id, event])).toEqual([
    ['', 'ToolCallCompleted'],
    ['7', 'ToolCallError'],
  ])
})

test('have the name that the line says, whatever the order of its keys', () => {
  expect(nameOfEntry({ index: 0, json: '{"event":"Other","created_at":1}' })).toBe('Other')
  expect(nameOfEntry({ index: 0, json: '{"created_at":1}' })).toBe('message')
})
