import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeText, tidyText } from './decode.ts'
import { cpuMs } from './testing/cpu-time.ts'

const TEXT = 'Grüße aus Århus, naïve café'

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a mark', Buffer.from(`\ufeff${TEXT}`)],
  ['UTF-16 with a mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
  ['big-endian UTF-16 with a mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le').swap16()],
  ['UTF-16 without a mark', Buffer.from(`${TEXT}.`, 'utf16le').subarray(0, TEXT.length * 2)],
  ['big-endian UTF-16 without a mark', Buffer.from(TEXT, 'utf16le').swap16()],
  ['Windows-1252', Buffer.from(TEXT, 'latin1')],
])('reads %s', (_encoding, bytes) => {
  expect(decodeText(bytes)).toBe(TEXT)
})

test('reads the encoding that was declared, and passes over one that it does not know', () => {
  expect(decodeText(Uint8Array.of(0x82, 0xb1), 'shift_jis')).toBe('こ')
  expect(decodeText(Buffer.from('å'), 'no-such-encoding')).toBe('å')
})

test('reads UTF-8 that was declared as such and is none as Windows-1252', () => {
  expect(decodeText(Uint8Array.of(0x93, 0x61, 0x94), 'utf-8')).toBe('“a”')
})

test('leaves one kind of line end, at most one blank line and nothing that cannot be stored', () => {
  expect(tidyText('a \r\nb\rc\f\n\n\n\nd\u0000\u0007e\ud800')).toBe('a\nb\nc\n\nde\ufffd')
})

/** Any units, halves of pairs included, and often those that are tidied away. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r', '\n', ' ', '\t', '\0', '\f', 'a', '\u2028', '\ufeff'),
      fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
  )
  .map((parts) => parts.join(''))

test('tidies what is tidy no further', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const tidy = tidyText(text)
      expect(tidyText(tidy)).toBe(tidy)
      expect(tidy.isWellFormed()).toBe(true)
      expect(tidy).not.toContain('\u0000')
      expect(tidy).not.toMatch(/\r|[ \t]\n|\n{3}/)
    }),
  )
})

test('tidies a million spaces in time', () => {
  const began = cpuMs()
  tidyText(' '.repeat(1_000_000))
  expect(cpuMs() - began).toBeLessThan(1000)
})
