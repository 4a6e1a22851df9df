import fc from 'fast-check'
import { expect, test } from 'vitest'
import { distinctChunks } from './event-chunks.ts'

const chunk = (firstIndex: number, lastIndex: number) => ({
  runId: 'run',
  firstIndex,
  lastIndex,
  events: Array.from({ length: lastIndex - firstIndex + 1 }, (_, i) => String(firstIndex + i)).join('\n'),
})

test('of a chunk that was written again, the longer one counts', () => {
  expect(distinctChunks([chunk(0, 1), chunk(2, 4), chunk(2, 6), chunk(7, 7)])).toEqual([
    chunk(0, 1),
    chunk(2, 6),
    chunk(7, 7),
  ])
  expect(distinctChunks([chunk(2, 4), chunk(2, 4)])).toEqual([chunk(2, 4)])
  expect(distinctChunks([])).toEqual([])
})

test('each index is there once and in order, whatever was written again', () => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(4), { maxLength: 3 })))
  fc.assert(
    fc.property(lengths, (given) => {
      let next = 0
      const written = given.flatMap(([length, earlier]) => {
        const first = next
        next += length
        const shorter = earlier.filter((more) => more < length).toSorted((a, b) => a - b)
        return [...shorter, length - 1].map((more) => chunk(first, first + more))
      })
      const lines = distinctChunks(written).flatMap(({ events }) => events.split('\n').map(Number))
      expect(lines).toEqual(Array.from({ length: next }, (_, index) => index))
    }),
  )
})
