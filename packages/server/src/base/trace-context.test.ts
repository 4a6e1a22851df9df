import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatTraceparent, parseTraceparent, spanIdOf, traceOf } from './trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const RUN = '01938e6f-7c3b-7def-8a2b-0123456789ab'

const hex = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: length, maxLength: length })
    .filter((text) => !/^0+$/.test(text))

test('reads what it writes', () => {
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, parentSpanId, sampled) => {
      expect(parseTraceparent(formatTraceparent(traceId, parentSpanId, sampled))).toEqual({
        traceId,
        parentSpanId,
        sampled,
      })
    }),
  )
})

test.each([
  ['nothing', ''],
  ['words', 'trace me'],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['the forbidden version', `ff-${TRACE}-${SPAN}-01`],
  ['more than its version has', `00-${TRACE}-${SPAN}-01-more`],
  ['a header without end', `01-${TRACE}-${SPAN}-01-${'x'.repeat(1000)}`],
])('refuses %s', (_what, text) => {
  expect(parseTraceparent(text)).toBeUndefined()
})

test('reads later versions by what they share with the first, and no flag but sampled', () => {
  expect(parseTraceparent(` cc-${TRACE}-${SPAN}-03-more `)).toEqual({
    traceId: TRACE,
    parentSpanId: SPAN,
    sampled: true,
  })
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)).toMatchObject({ sampled: false })
})

test('a run without a caller has a trace of its own, named after it', () => {
  const own = { traceId: RUN.replaceAll('-', ''), parentSpanId: null, sampled: true }
  expect(traceOf(RUN, null)).toEqual(own)
  expect(traceOf(RUN, 'trace me')).toEqual(own)
  expect(traceOf(RUN, `00-${TRACE}-${SPAN}-00`)).toEqual({ traceId: TRACE, parentSpanId: SPAN, sampled: false })
})

test('any run id has a trace id', () => {
  expect(traceOf('run-1', null).traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(traceOf('run-1', null)).not.toEqual(traceOf('run-2', null))
})

test('a span id is the same for the same parts, and no two of other parts are alike', () => {
  expect(spanIdOf('a', 'b')).toMatch(/^[0-9a-f]{16}$/)
  expect(spanIdOf('a', 'b')).toBe(spanIdOf('a', 'b'))
  expect(new Set([spanIdOf('a', 'b'), spanIdOf('ab'), spanIdOf('b', 'a'), spanIdOf('a', 'b', '')]).size).toBe(4)
})
