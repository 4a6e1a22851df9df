import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLineSplitter, MAX_LINE_CHARS } from './lines.ts'

function split(chunks: readonly string[]): string[] {
  const lines: string[] = []
  const splitter = createLineSplitter((line) => lines.push(line))
  for (const chunk of chunks) splitter.push(chunk)
  splitter.flush()
  return lines
}

test('the lines are those of the whole text, wherever it was cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n') })), (chunks) => {
      expect(split(chunks)).toEqual(
        chunks
          .join('')
          .split('\n')
          .filter((line) => line !== ''),
      )
    }),
  )
})

test('carriage returns at the end of a line go', () => {
  expect(split(['a\r\nb\r\n'])).toEqual(['a', 'b'])
})

test('a line without an end is handed over in bounded pieces', () => {
  const lines = split(Array.from({ length: 100 }, () => 'x'.repeat(1_000)))
  expect(lines.length).toBeGreaterThan(4)
  for (const line of lines) expect(line.length).toBeLessThan(MAX_LINE_CHARS + 1_040)
})
