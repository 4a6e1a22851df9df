import { expect, test } from 'vitest'
import { askUser } from './ask-user.ts'
import { isDefinition } from './definition.ts'

test('is a tool that runs nothing, under the name that clients of Agno know', () => {
  const ask = askUser()
  expect(isDefinition(ask, 'tool')).toBe(true)
  expect(ask).toMatchObject({ name: 'ask_user', run: undefined, pause: { kind: 'user-feedback' }, approval: undefined })
  expect(ask.input).toMatchObject({
    required: ['questions'],
    properties: { questions: { items: { required: ['question', 'header', 'options'] } } },
  })
})
