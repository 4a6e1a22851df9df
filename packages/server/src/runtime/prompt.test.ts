import { expect, test } from 'vitest'
import { writeSystemPrompt, writeTime, type PromptParts } from './prompt.ts'

const empty: PromptParts = {
  description: null,
  role: null,
  instructions: '',
  markdown: false,
  datetime: undefined,
  expectedOutput: null,
  additionalContext: null,
  dependencies: undefined,
  sessionState: undefined,
}

test('puts the blocks in their order, one blank line between two', () => {
  const prompt = writeSystemPrompt({
    description: 'You work at a weather service.',
    role: 'Forecaster',
    instructions: ['Be brief.', ' ', 'Give degrees.'],
    markdown: true,
    datetime: { at: Date.UTC(2026, 10, 23, 4, 47), timezone: 'Europe/Oslo' },
    expectedOutput: 'One sentence.',
    additionalContext: 'It is winter.',
    dependencies: { region: 'Oslo', client: () => {}, at: new Date(0) },
    sessionState: { unit: 'C' },
  })
  expect(prompt).toBe(`You work at a weather service.

<your_role>
Forecaster
</your_role>

<instructions>
- Be brief.
- Give degrees.
</instructions>

<additional_information>
- Use markdown to format your answers.
- The current time is 2026-11-23 05:47:00 (Europe/Oslo).
</additional_information>

<expected_output>
One sentence.
</expected_output>

It is winter.

<dependencies>
{
  "region": "Oslo"
}
</dependencies>

<session_state>
{
  "unit": "C"
}
</session_state>`)
})

test('is empty when the agent says nothing', () => {
  expect(writeSystemPrompt(empty)).toBe('')
  expect(writeSystemPrompt({ ...empty, instructions: [], role: ' ' })).toBe('')
})

test('leaves a single instruction as it is, with its own lines', () => {
  expect(writeSystemPrompt({ ...empty, instructions: '\nBe brief.\n\n- really\n' })).toBe('Be brief.\n\n- really')
  expect(writeSystemPrompt({ ...empty, instructions: ['Be brief.'] })).toBe('Be brief.')
})

test('writes the time of a zone', () => {
  expect(writeTime(0, 'UTC')).toBe('1970-01-01 00:00:00 (UTC)')
  expect(() => writeTime(0, 'Mars/Olympus')).toThrow(RangeError)
})
