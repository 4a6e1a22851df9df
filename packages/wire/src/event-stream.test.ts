import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventStreamParser, type StreamFrame } from './event-stream.ts'

const parse = (...pieces: string[]): StreamFrame[] => {
  const parser = createEventStreamParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

test('reads event, data and id of a frame', () => {
  expect(parse('id: 7\nevent: RunContent\ndata: {"a":1}\n\n')).toEqual([
    { event: 'RunContent', data: '{"a":1}', id: '7' },
  ])
})

test('joins data lines, keeps the last id, skips comments, unknown fields and frames without data', () => {
  expect(parse(': heartbeat\n\nid: 1\n\nretry: 3\ndata: a\ndata:  b\ndata\n\ndata:c\n\n')).toEqual([
    { event: 'message', data: 'a\n b\n', id: '1' },
    { event: 'message', data: 'c', id: '1' },
  ])
})

test('takes a byte order mark at the start only, and ignores an id with NUL', () => {
  expect(parse('\uFEFFdata: a\n\n', '\uFEFFdata: b\n\n', 'id: x\0\ndata: c\n\n')).toEqual([
    { event: 'message', data: 'a', id: '' },
    { event: 'message', data: 'c', id: '' },
  ])
})

test('drops a frame that never ends', () => {
  expect(parse('data: a\n')).toEqual([])
})

const line = fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.replaceAll(/[\r\n\0\uFEFF]/g, '-'))
const frame = fc.record({
  event: line.map((name) => `e${name}`),
  data: fc.array(line, { minLength: 1, maxLength: 3 }),
  id: line,
})
const newline = fc.constantFrom('\n', '\r', '\r\n')

test('gives the same frames wherever the text is cut and however its lines end', () => {
  fc.assert(
    fc.property(fc.array(frame), newline, fc.array(fc.nat({ max: 400 })), (frames, end, cuts) => {
      const text = frames
        .map(({ event, data, id }) =>
          [`id: ${id}`, `event: ${event}`, ...data.map((d) => `data: ${d}`), '', ''].join(end),
        )
        .join('')
      const edges = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length]
      const pieces = edges.slice(1).map((edge, index) => text.slice(edges[index], edge))
      expect(parse(...pieces)).toEqual(frames.map(({ event, data, id }) => ({ event, data: data.join('\n'), id })))
    }),
  )
})
