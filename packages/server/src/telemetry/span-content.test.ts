import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRedact } from '../base/redact.ts'
import { describeAttempt } from './attempt-spans.ts'
import { cleanSpan, cutText, limitContent, MAX_TEXT } from './span-content.ts'
import { attempt, MARKS } from './testing/attempt.ts'

const redact = createRedact(['hunter22'])
const [SPAN] = describeAttempt(attempt({ marks: [] }))
const clean = (text: string) =>
  cleanSpan({ ...SPAN!, attributes: { 'input.value': text } }, redact).attributes['input.value']

test.each([
  ['{"password":"swordfish"}', '{"password":"[redacted]"}'],
  ['{"user": "ada", "api_key": "abc", "n": 1}', '{"user": "ada", "api_key": "[redacted]", "n": 1}'],
  ['{"apiKey":"a\\"b","next":"seen"}', '{"apiKey":"[redacted]","next":"seen"}'],
  ['{"x-access-token":"abc"}', '{"x-access-token":"[redacted]"}'],
  ['{"Authorization":"Digest abc"}', '{"Authorization":"[redacted]"}'],
  [
    JSON.stringify({ body: JSON.stringify({ password: 'a"b', city: 'Oslo' }) }),
    '{"body":"{\\"password\\":\\"[redacted]\\",\\"city\\":\\"Oslo\\"}"}',
  ],
  ['{"password":"cut off in the mid', '{"password":"[redacted]'],
])('what a key calls a secret is masked: %s', (text, expected) => {
  expect(clean(text)).toBe(expected)
})

test.each([
  '{"monkey":"banana"}',
  '{"max_tokens":"100"}',
  '{"passport":"X1"}',
  'password: tell nobody',
  '{"secretary":"Bo"}',
])('what is no secret stays: %s', (text) => {
  expect(clean(text)).toBe(text)
})

test('secrets of this process and shapes of keys are masked, in errors too', () => {
  expect(clean('it is hunter22 and sk-1234567890abcdef')).toBe('it is [redacted] and [redacted]')
  expect(cleanSpan({ ...SPAN!, error: 'bad key hunter22' }, redact).error).toBe('bad key [redacted]')
})

test('JSON stays JSON, and no secret is left in it, at any depth of text', () => {
  const secret = fc.string({ minLength: 1, maxLength: 40 }).map((text) => `s3cr3t${text}s3cr3t`)
  fc.assert(
    fc.property(
      secret,
      fc.string({ maxLength: 40 }),
      fc.constantFrom('password', 'apiKey', 'client_secret'),
      (value, other, key) => {
        const flat = JSON.stringify({ [key]: value, other })
        expect(JSON.parse(String(clean(flat)))).toEqual({
          [key]: '[redacted]',
          other: JSON.parse(String(clean(JSON.stringify({ other })))).other,
        })
        const nested = JSON.parse(String(clean(JSON.stringify({ flat })))).flat as string
        expect(JSON.parse(nested)[key]).toBe('[redacted]')
      },
    ),
  )
})

test('a text is cut to its limit with a notice, and stays well formed', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: MAX_TEXT - 2, max: MAX_TEXT + 5_000 }),
      fc.constantFrom('a', '😀'),
      (length, unit) => {
        const text = unit.repeat(length)
        const cut = cutText(text)
        expect(cut.length).toBeLessThanOrEqual(MAX_TEXT)
        expect(cut.isWellFormed()).toBe(true)
        expect(cut === text || cut.endsWith(`[cut from ${text.length} characters]`)).toBe(true)
      },
    ),
  )
})

test('a secret at the cut does not get through', () => {
  const text = `{"a":"${'x'.repeat(MAX_TEXT - 30)}","password":"${'swordfish'.repeat(1_000)}"}`
  expect(clean(text)).not.toContain('fish')
})

test('who gets no content gets ids, names and counts, and no words of a tool', () => {
  const marks = MARKS.map((mark) =>
    mark.type === 'tool-end' ? { ...mark, tool: { ...mark.tool, result: 'no such city', isError: true } } : mark,
  )
  const spans = describeAttempt(attempt({ marks })).map((span) => limitContent(span, 'none'))
  const text = JSON.stringify(spans)
  for (const words of ['Oslo', 'rain', 'Be kind', 'no such city']) expect(text).not.toContain(words)
  expect(text).toContain('llm.token_count.total')
  expect(spans.find(({ kind }) => kind === 'TOOL')?.error).toBe('The tool failed')
})

test('who gets values gets no message twice, and no schemas of tools', () => {
  const tools = [{ name: 'look', description: 'Looks', parameters: {} }]
  const spans = describeAttempt(attempt({ tools }))
  const names = spans.flatMap((span) => Object.keys(limitContent(span, 'values').attributes))
  expect(names).toContain('input.value')
  expect(names.filter((name) => /messages|llm\.tools|definitions|instructions/.test(name))).toEqual([])
  expect(names).toContain('agno.tools')
})
