import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventChunk } from '../storage/runs/run-events.ts'
import { type IndexRange, splitChunks } from './stored-entries.ts'

const chunk = (firstIndex: number, lastIndex: number): EventChunk => ({
  runId: 'r',
  firstIndex,
  lastIndex,
  events: Array.from({ length: lastIndex - firstIndex + 1 }, (_, offset) => `{"i":${firstIndex + offset}}`).join('\n'),
})

/** Chunks of one run in the order of their indexes: with gaps between attempts, and written again, maybe longer. */
const chunkings = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 0, max: 5 }),
      size: fc.integer({ min: 1, max: 6 }),
      overlap: fc.nat({ max: 3 }),
    }),
  )
  .map((parts) => {
    const chunks: EventChunk[] = []
    let next = 0
    for (const { gap, size, overlap } of parts) {
      const previous = chunks.at(-1)
      const isAgain = gap === 0 && previous !== undefined && overlap > 0
      const first = isAgain ? Math.max(previous.firstIndex, next - overlap) : next + gap
      chunks.push(chunk(first, first + size - 1))
      next = Math.max(next, first + size)
    }
    return chunks
  })
const ranges = fc.array(
  fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 10 })).map(([from, length]): IndexRange => [from, from + length]),
  { maxLength: 3 },
)

test('whatever the chunks, each index after the asked one comes once, in order, void ones left out', () => {
  fc.assert(
    fc.property(chunkings, fc.integer({ min: -1, max: 40 }), ranges, (chunks, afterIndex, voids) => {
      const expected = new Set<number>()
      for (const { firstIndex, lastIndex } of chunks) for (let i = firstIndex; i <= lastIndex; i++) expected.add(i)
      const wanted = [...expected]
        .filter((index) => index > afterIndex && !voids.some(([from, to]) => index >= from && index <= to))
        .toSorted((a, b) => a - b)
      expect(splitChunks(chunks, afterIndex, voids)).toEqual(wanted.map((index) => ({ index, json: `{"i":${index}}` })))
    }),
  )
})

test('nothing is left when all is known', () => {
  expect(splitChunks([chunk(0, 3)], 3, [])).toEqual([])
  expect(splitChunks([], -1, [])).toEqual([])
})
