import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLearningRedact, createRedact } from './redact.ts'

test('a secret value disappears wherever it stands, the longer of two first', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 6, maxLength: 30 }).filter((s) => s.trim().length >= 6),
      fc.string(),
      fc.string(),
      (secret, before, after) => {
        fc.pre(!'[redacted]'.includes(secret) && !before.includes(secret) && !after.includes(secret))
        const clean = createRedact([secret, secret.slice(0, 6)])(`${before} ${secret} ${after}`)
        expect(clean).not.toContain(secret)
      },
    ),
  )
})

test.each([
  ['postgresql://app:s3cr%40t@db:5432/x', 's3cr%40t'],
  ['authorization: Bearer abcdefgh12345678', 'abcdefgh12345678'],
  ['Incorrect API key provided: sk-proj-AbCdEf123456.', 'sk-proj-AbCdEf123456'],
  ['key AIzaSyA1234567890abcdefghijk is bad', 'AIzaSyA1234567890abcdefghijk'],
])('the secret in "%s" is masked by its shape', (text, secret) => {
  expect(createRedact([])(text)).not.toContain(secret)
})

test('ordinary text and short secrets stay as they are', () => {
  expect(createRedact(['abc'])('abc: the task is done')).toBe('abc: the task is done')
})

test('a secret that is learned later is removed like those of the start, and an earlier one still is', () => {
  const { redact, learn } = createLearningRedact(['at-the-start'])
  expect(redact('at-the-start, first-password')).toBe('[redacted], first-password')
  learn('first-password')
  learn('second-password')
  expect(redact('at-the-start, first-password, second-password')).toBe('[redacted], [redacted], [redacted]')
})

test('of learned secrets those are known that were named last', () => {
  const { redact, learn } = createLearningRedact(['at-the-start'])
  for (let rotation = 0; rotation < 100; rotation++) learn(`password-${1000 + rotation}`)
  learn('password-1000')
  learn('password-next')
  expect(redact('at-the-start, password-1000, password-1001, password-next')).toBe(
    '[redacted], [redacted], password-1001, [redacted]',
  )
})

test('a secret is found within JSON, and percent-encoded in whatever way a URL may be', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 8, maxLength: 30 }).filter((s) => s.trim().length >= 6),
      fc.array(fc.constantFrom('as it is', 'upper', 'lower'), { minLength: 30, maxLength: 30 }),
      (secret, ways) => {
        fc.pre(secret.isWellFormed() && !'/agents/[redacted]'.includes(secret))
        const redact = createRedact([secret])
        expect(redact(JSON.stringify({ error: secret }))).toBe('{"error":"[redacted]"}')
        expect(redact(JSON.stringify({ error: JSON.stringify({ secret }) }))).not.toContain(
          JSON.stringify(JSON.stringify(secret)).slice(3, -3),
        )
        const written = Array.from(secret, (character, index) => encode(character, ways[index % ways.length])).join('')
        expect(redact(`/agents/${written}/runs`)).toBe('/agents/[redacted]/runs')
      },
    ),
  )
})

function encode(character: string, way: string | undefined): string {
  if (way === 'as it is') return character
  const hex = [...new TextEncoder().encode(character)].map((byte) => byte.toString(16).padStart(2, '0'))
  const encoded = hex.map((digits) => `%${digits}`).join('')
  return way === 'upper' ? encoded.toUpperCase() : encoded
}
