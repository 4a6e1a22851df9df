import { expect, test } from 'vitest'
import { decodeUtf8, findBadText } from './text.ts'

const bad = (value: unknown) => findBadText({ field: value }, 'body')
const nest = (depth: number): unknown => (depth === 0 ? 'x' : [nest(depth - 1)])

test('passes text and JSON that can be stored', () => {
  expect(bad({ a: ['héllo 👍', 1, null, { b: true }] })).toBeUndefined()
  expect(bad(nest(64))).toBeUndefined()
})

test('finds NUL characters and half surrogate pairs, in values and in keys', () => {
  expect(bad('a\0b')).toMatchObject({ loc: ['body', 'field'], msg: 'Text should not contain NUL characters' })
  expect(bad({ deep: [{ er: '\0' }] })).toMatchObject({ loc: ['body', 'field', 'deep', 0, 'er'] })
  expect(bad({ 'a\0': 1 })).toMatchObject({ loc: ['body', 'field'] })
  expect(bad('\ud800')).toMatchObject({ msg: 'Text should be well-formed Unicode' })
})

test('finds keys that would change the prototype of an object', () => {
  expect(bad(JSON.parse('{"a":{"__proto__":{"x":1}}}'))).toMatchObject({ msg: 'The key __proto__ is not allowed' })
})

test('finds nesting that would overflow the stack of whoever writes it', () => {
  expect(bad(nest(65))).toMatchObject({ loc: ['body', 'field'], msg: 'Input should be nested at most 64 levels deep' })
  expect(bad(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)))).toMatchObject({ type: 'value_error' })
})

test('decodes UTF-8 and nothing else, and keeps a byte order mark', () => {
  expect(decodeUtf8(Buffer.from('héllo'))).toBe('héllo')
  expect(decodeUtf8(Buffer.from([0xef, 0xbb, 0xbf, 0x61]))).toBe('\uFEFFa')
  expect(decodeUtf8(Buffer.from([0xc3]))).toBeUndefined()
})
