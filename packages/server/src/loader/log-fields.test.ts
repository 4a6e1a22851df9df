import { expect, test } from 'vitest'
import { toLogFields } from './log-fields.ts'

test('what JSON carries stays, errors keep message and stack, big integers become text', () => {
  const error = new Error('broken', { cause: new Error('deeper') })
  const fields = toLogFields({ a: 1, b: { c: [true] }, error, big: 10n, gone: undefined, run: () => 1 })
  expect(fields).toMatchObject({
    a: 1,
    b: { c: [true] },
    big: '10',
    error: { message: 'broken', cause: { message: 'deeper' } },
  })
  expect(Object.keys(fields)).toEqual(['a', 'b', 'error', 'big'])
})

test('what cannot be carried is named instead of failing the log', () => {
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  expect(toLogFields(circle)).toEqual({ fields_lost: expect.stringMatching(/circular/i) })
  expect(toLogFields({ text: 'x'.repeat(70_000) })).toEqual({ fields_lost: '70011 characters are too many' })
  expect(toLogFields(undefined)).toEqual({})
})
