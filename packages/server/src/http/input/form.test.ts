import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseUrlEncoded } from './form.ts'

const parse = (text: string) => parseUrlEncoded(Buffer.from(text, 'latin1')).fields

test('reads what browsers write', () => {
  const pair = fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }))
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const usable = pairs.filter(([name, value]) => (name + value).isWellFormed())
      expect(parse(new URLSearchParams(usable).toString())).toEqual(Object.fromEntries(usable))
    }),
  )
})

test('agrees with the URL standard on any text of ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('z', '=', '&', '+', '%', '2', '5', '6', '1') }), (text) => {
      expect(parse(text)).toEqual(Object.fromEntries(new URLSearchParams(text)))
    }),
  )
})

test('takes raw UTF-8 as well as percent-encoded', () => {
  expect(parseUrlEncoded(Buffer.from('message=héllo&x=h%C3%A9')).fields).toEqual({ message: 'héllo', x: 'hé' })
})

test('keeps the last of several, and names like __proto__ as plain fields', () => {
  const fields = parse('a=1&a=2&__proto__=x&constructor=y')
  expect(fields['a']).toBe('2')
  expect(Object.keys(fields)).toEqual(['a', '__proto__', 'constructor'])
  expect(Object.getPrototypeOf(fields)).toBe(Object.prototype)
})

test.each(['a=%FF', 'a=%C3', '%80=1', 'a=%ED%A0%80', 'a=\u00ff'])('refuses %s, which is not UTF-8', (text) => {
  expect(() => parse(text)).toThrow('The form is not valid UTF-8')
})
