import { AgentEvent, RunRequirement } from '@agentos/wire'
import { expect, test } from 'vitest'
import type { PauseKind, RequirementAnswer } from '../../base/requirement.ts'
import { encodeEvent } from './events.ts'
import { pauseSentence, toRunRequirement } from './requirement.ts'
import { AT } from '../testing/fake-runs.ts'
import { requirement } from '../testing/replica.ts'

const NO_ANSWER: RequirementAnswer = { confirmed: null, note: null, values: null, selections: null, result: null }
const RUN = { runId: 'r', sessionId: 's', agentId: 'a', agentName: 'A' }
const ask = (kind: PauseKind, rest = {}) => requirement({ kind, ...rest })

test.each<[string, readonly PauseKind[]]>([
  ['I have tools to execute, but I need confirmation.', ['confirmation']],
  ['I have tools to execute, but I need user input.', ['user-input']],
  ['I have tools to execute, but I need user input.', ['user-feedback', 'user-input']],
  ['I have tools to execute, but it needs external execution.', ['external-execution']],
  ['I have tools to execute, but I need confirmation or user input.', ['user-input', 'confirmation']],
  ['I have tools to execute, but I need confirmation or external execution.', ['confirmation', 'external-execution']],
  ['I have tools to execute, but I need user input or external execution.', ['user-input', 'external-execution']],
  [
    'I have tools to execute, but I need confirmation, user input, or external execution.',
    ['external-execution', 'user-input', 'confirmation'],
  ],
])('says "%s" for %j', (sentence, kinds) => {
  expect(pauseSentence(kinds.map((kind) => ask(kind)))).toBe(sentence)
})

test('says that an outcome is unknown, beside what else it waits for', () => {
  const alone = pauseSentence([ask('outcome-unknown')])
  expect(alone).toContain('confirm that it may run again')
  expect(pauseSentence([ask('outcome-unknown'), ask('confirmation')])).toBe(
    `I have tools to execute, but I need confirmation. ${alone}`,
  )
})

test('says nothing about calls that are carried out in silence, or were answered', () => {
  const answered = ask('confirmation', { answer: { ...NO_ANSWER, confirmed: true } })
  expect(pauseSentence([ask('external-execution', { silent: true }), answered])).toBe('')
})

test('writes RunPaused with the calls, their flags and requirements', () => {
  const event = JSON.parse(encodeEvent({ type: 'run-pause', at: AT, requirements: [requirement()] }, RUN))
  expect(AgentEvent.safeParse(event).error).toBeUndefined()
  expect(Object.keys(event).slice(-3)).toEqual(['content', 'tools', 'requirements'])
  expect(event.tools).toEqual([event.requirements[0].tool_execution])
  expect(event.tools[0]).toMatchObject({
    tool_call_id: 'call_1',
    tool_args: { to: 'ada' },
    result: null,
    requires_confirmation: true,
    confirmed: null,
    requires_user_input: null,
    external_execution_required: null,
  })
  expect(event.requirements[0]).toMatchObject({ id: 'requirement-1', created_at: '2026-11-23T04:52:41.250+00:00' })
})

test('shows fields with what the model proposes, then with what a person filled in', () => {
  const fields = [
    { name: 'city', fieldType: 'str', description: 'Where', value: null },
    { name: 'days', fieldType: 'int', description: null, value: 3 },
  ]
  const open = toRunRequirement(ask('user-input', { fields }))
  expect(RunRequirement.safeParse(open).error).toBeUndefined()
  expect(open.tool_execution).toMatchObject({ requires_user_input: true, answered: null })
  expect(open.user_input_schema).toEqual([
    { name: 'city', field_type: 'str', description: 'Where', value: null },
    { name: 'days', field_type: 'int', description: null, value: 3 },
  ])
  const answer = { ...NO_ANSWER, values: { city: 'Oslo' } }
  const answered = toRunRequirement(ask('user-input', { fields, answer }))
  expect(answered.tool_execution).toMatchObject({ requires_user_input: false, answered: true })
  expect(answered.user_input_schema?.map(({ value }) => value)).toEqual(['Oslo', 3])
})

test('shows questions with their options, and which were chosen', () => {
  const options = [
    { label: 'Red', description: null },
    { label: 'Blue', description: 'Like the sea' },
  ]
  const questions = [{ question: 'Which?', header: 'Colour', options, multiSelect: false }]
  const open = toRunRequirement(ask('user-feedback', { questions }))
  expect(open.user_feedback_schema).toEqual([
    {
      question: 'Which?',
      header: 'Colour',
      multi_select: false,
      selected_options: null,
      options: [
        { label: 'Red', description: null, selected: false },
        { label: 'Blue', description: 'Like the sea', selected: false },
      ],
    },
  ])
  const answer = { ...NO_ANSWER, selections: [['Blue']] }
  expect(toRunRequirement(ask('user-feedback', { questions, answer })).user_feedback_schema).toMatchObject([
    { selected_options: ['Blue'], options: [{ selected: false }, { selected: true }] },
  ])
})

test('shows a call of unknown outcome as one that somebody else reports', () => {
  expect(toRunRequirement(ask('outcome-unknown')).tool_execution).toMatchObject({
    external_execution_required: true,
    requires_confirmation: null,
  })
  const answered = ask('outcome-unknown', { answer: { ...NO_ANSWER, result: 'sent' } })
  expect(toRunRequirement(answered)).toMatchObject({
    external_execution_result: 'sent',
    tool_execution: { external_execution_required: false, result: 'sent' },
  })
})

test('keeps an answer beside its requirement, as Agno reads it back', () => {
  const answer = { ...NO_ANSWER, confirmed: false, note: 'not today' }
  expect(toRunRequirement(ask('confirmation', { answer, approval: 'required', approvalId: 'a1' }))).toMatchObject({
    confirmation: false,
    confirmation_note: 'not today',
    tool_execution: {
      requires_confirmation: false,
      confirmed: false,
      confirmation_note: 'not today',
      approval_type: 'required',
      approval_id: 'a1',
    },
  })
})
