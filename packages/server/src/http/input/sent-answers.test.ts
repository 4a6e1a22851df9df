import { expect, test } from 'vitest'
import { readSentTools, toAnswers } from './sent-answers.ts'
import { requirement } from '../testing/replica.ts'

const NOTHING = { confirmed: null, note: null, values: null, selections: null, result: null }

test('reads tools as a list and as text, and leaves out what does not matter', () => {
  const tool = { tool_call_id: 'c', tool_name: 't', confirmed: true, confirmation_note: 'ok', metrics: null }
  for (const tools of [[tool], JSON.stringify([tool])]) {
    expect(toAnswers(readSentTools({ tools }), [])).toEqual([
      { ...NOTHING, toolCallId: 'c', confirmed: true, note: 'ok' },
    ])
  }
  for (const tools of ['', 'null', '[]', undefined, null]) expect(readSentTools({ tools })).toEqual([])
})

test('reads values, selections in the order of the questions, and results of any kind', () => {
  const questions = ['One?', 'Two?', 'Three?'].map((question) => {
    return { question, header: null, options: [], multiSelect: true }
  })
  const tools = [
    { tool_call_id: 'in', user_input_schema: [{ name: 'city', field_type: 'str', value: 'Oslo' }, { name: 'days' }] },
    {
      tool_call_id: 'ask',
      user_feedback_schema: [
        { question: 'Two?', selected_options: ['b', 'c'] },
        { question: 'One?', selected_options: ['a'] },
      ],
    },
    { tool_call_id: 'text', result: 'done' },
    { tool_call_id: 'json', result: { rows: [1] } },
  ]
  const answers = toAnswers(readSentTools({ tools }), [requirement({ toolCallId: 'ask', questions })])
  expect(answers).toEqual([
    { ...NOTHING, toolCallId: 'in', values: { city: 'Oslo', days: null } },
    { ...NOTHING, toolCallId: 'ask', selections: [['a'], ['b', 'c'], []] },
    { ...NOTHING, toolCallId: 'text', result: 'done' },
    { ...NOTHING, toolCallId: 'json', result: '{"rows":[1]}' },
  ])
})

test('reads requirements, whose own answers fill what their call leaves open', () => {
  const requirements = [
    { id: '1', confirmation: true, tool_execution: { tool_call_id: 'a' } },
    { id: '2', confirmation: true, tool_execution: { tool_call_id: 'b', confirmed: false } },
    { id: '3', external_execution_result: 'done', tool_execution: { tool_call_id: 'c', result: null } },
    {
      id: '4',
      user_input_schema: [{ name: 'x', value: 1 }],
      tool_execution: { tool_call_id: 'd', user_input_schema: [{ name: 'x', value: null }] },
    },
    {
      id: '5',
      user_feedback_schema: [{ question: 'Q?', selected_options: ['a'] }],
      tool_execution: { tool_call_id: 'e', user_feedback_schema: [{ question: 'Q?', selected_options: null }] },
    },
    { id: 'requirement-1', confirmation: false, confirmation_note: 'no' },
  ]
  const questions = [{ question: 'Q?', header: null, options: [], multiSelect: false }]
  const known = [requirement(), requirement({ id: '5', toolCallId: 'e', questions })]
  expect(toAnswers(readSentTools({ requirements }), known)).toEqual([
    { ...NOTHING, toolCallId: 'a', confirmed: true },
    { ...NOTHING, toolCallId: 'b', confirmed: false },
    { ...NOTHING, toolCallId: 'c', result: 'done' },
    { ...NOTHING, toolCallId: 'd', values: { x: 1 } },
    { ...NOTHING, toolCallId: 'e', selections: [['a']] },
    { ...NOTHING, toolCallId: 'call_1', confirmed: false, note: 'no' },
  ])
})

test.each([
  [{ tools: '[' }, 'Invalid JSON in tools field'],
  [{ requirements: '{' }, 'Invalid JSON in requirements field'],
  [{ tools: '{"tool_call_id":"c"}' }, 'Invalid structure or content for tools: tools: '],
  [{ tools: 7 }, 'Invalid structure or content for tools: tools: '],
  [{ tools: '"text"' }, 'Invalid structure or content for tools: tools: '],
  [{ tools: [{}] }, 'Invalid structure or content for tools: tools.0.tool_call_id: '],
  [{ tools: ['c'] }, 'Invalid structure or content for tools: tools.0: '],
  [{ tools: [{ tool_call_id: 'c', confirmed: 'yes' }] }, 'tools.0.confirmed: '],
  [{ requirements: [{ tool_execution: { tool_call_id: 1 } }] }, 'requirements.0.tool_execution.tool_call_id: '],
  [{ tools: [{ tool_call_id: 'c' }], requirements: [{ id: '1' }] }, 'either `tools` or `requirements`'],
])('refuses %j', (given, message) => {
  expect(() => readSentTools(given)).toThrow(message)
})

test.each([
  ['a NUL', '[{"tool_call_id":"c","result":"\\u0000"}]', 'NUL'],
  ['half a character', '[{"tool_call_id":"c","result":"\\ud800"}]', 'Unicode'],
  ['nesting without end', `[{"tool_call_id":"c","result":${'['.repeat(9999)}${']'.repeat(9999)}}]`, 'levels deep'],
])('refuses %s in JSON in a form', (_, tools, message) => {
  expect(() => readSentTools({ tools })).toThrow(message)
})

test('names the requirements that there are when one is not among them', () => {
  const sent = readSentTools({ requirements: [{ id: 'nope', confirmation: true }] })
  expect(() => toAnswers(sent, [requirement()])).toThrow('no requirement nope; its requirements: requirement-1')
})
