import { describe, expect, test } from 'vitest'
import type { Json } from '../base/json.ts'
import type { Requirement, UserInputField } from '../base/requirement.ts'
import { applyAnswers, type SentAnswer } from './answers.ts'
import { answer, NO_ANSWER, requirement } from './testing/requirements.ts'

const field = (name: string, fieldType = 'str', value: Json = null): UserInputField => {
  return { name, fieldType, description: null, value }
}
const question = (multiSelect: boolean) => ({
  question: 'Which size?',
  header: null,
  options: [
    { label: 'S', description: null },
    { label: 'L', description: null },
  ],
  multiSelect,
})
const input = requirement({ kind: 'user-input', fields: [field('subject')] })
const feedback = requirement({ kind: 'user-feedback', questions: [question(false)] })
const external = requirement({ kind: 'external-execution' })
const unknown = requirement({ kind: 'outcome-unknown' })

async function apply(
  requirements: Requirement | readonly Requirement[],
  sent: readonly SentAnswer[],
  known: readonly string[] = [],
  problem?: string,
) {
  const list = [requirements].flat()
  const answered = await applyAnswers('r', list, sent, new Set(known), () => Promise.resolve(problem))
  return answered.map((one) => one.answer)
}

describe('an answer', () => {
  test('confirms or rejects, with a note', async () => {
    expect(await apply(requirement(), [answer({ confirmed: true })])).toEqual([{ ...NO_ANSWER, confirmed: true }])
    expect(await apply(requirement(), [answer({ confirmed: false, note: 'not today' })])).toEqual([
      { ...NO_ANSWER, confirmed: false, note: 'not today' },
    ])
  })

  test('that says nothing about a confirmation rejects', async () => {
    expect(await apply(requirement(), [answer({ result: 'I did it' })])).toEqual([{ ...NO_ANSWER, confirmed: false }])
  })

  test('fills in what the model left open, over what it proposes', async () => {
    const both = requirement({ kind: 'user-input', fields: [field('subject'), field('body', 'str', 'Hello')] })
    expect(await apply(both, [answer({ values: { subject: 'Hi', extra: 1 } })])).toEqual([
      { ...NO_ANSWER, values: { subject: 'Hi', body: 'Hello' } },
    ])
    expect(await apply(both, [answer({ values: { subject: 'Hi', body: 'Bye' } })])).toMatchObject([
      { values: { body: 'Bye' } },
    ])
  })

  test('fills fields in, and leaves out what it can do without', async () => {
    const form = requirement({
      kind: 'user-input',
      fields: [field('to'), { ...field('cc'), value: 'bob' }, field('bcc')],
    })
    expect(await apply(form, [answer({ values: { to: 3, bcc: null, stray: true } })])).toMatchObject([
      { values: { to: 3, cc: 'bob' } },
    ])
    const unlucky = requirement({ kind: 'user-input', fields: [field('constructor', 'dict')] })
    expect(await apply(unlucky, [answer({ values: {} })])).toMatchObject([{ values: {} }])
  })

  test('chooses options', async () => {
    const several = requirement({ kind: 'user-feedback', questions: [question(true)] })
    expect(await apply(feedback, [answer({ selections: [['L']] })])).toMatchObject([{ selections: [['L']] }])
    expect(await apply(several, [answer({ selections: [['S', 'L']] })])).toMatchObject([{ selections: [['S', 'L']] }])
  })

  test('tells what a tool returned that somebody else ran, or that may have run', async () => {
    expect(await apply(external, [answer({ result: '' })])).toEqual([{ ...NO_ANSWER, result: '' }])
    expect(await apply(unknown, [answer({ result: 'sent', confirmed: true })])).toEqual([
      { ...NO_ANSWER, result: 'sent' },
    ])
    expect(await apply(unknown, [answer({ confirmed: true })])).toEqual([{ ...NO_ANSWER, confirmed: true }])
  })

  test('rejects any call, also one that may have run', async () => {
    for (const rejected of [input, feedback, external, unknown]) {
      expect(await apply(rejected, [answer({ confirmed: false })])).toEqual([{ ...NO_ANSWER, confirmed: false }])
    }
    expect(await apply(unknown, [answer({ confirmed: false, result: 'sent' })])).toEqual([
      { ...NO_ANSWER, result: 'sent' },
    ])
  })

  test('that was given before stays, and the last of several for one call counts', async () => {
    const done = requirement({ toolCallId: 'call_0', answer: { ...NO_ANSWER, confirmed: true } })
    const sent = [
      answer({ toolCallId: 'call_0', confirmed: false }),
      answer({ confirmed: false }),
      answer({ confirmed: true }),
    ]
    expect(await apply([done, requirement()], sent, ['call_0'])).toMatchObject([
      { confirmed: true },
      { confirmed: true },
    ])
  })
})

describe('refused are answers', () => {
  const two = [requirement(), requirement({ id: 'requirement-2', toolCallId: 'call_2', toolName: 'pay' })]
  const cases: readonly [string, Requirement | readonly Requirement[], readonly SentAnswer[], string, string][] = [
    [
      'that are none',
      two,
      [],
      'INVALID_REQUEST',
      'Run r waits for answers to send_mail (call_1), pay (call_2); send them in tools',
    ],
    [
      'for some of the calls only',
      two,
      [answer({ confirmed: true })],
      'INVALID_REQUEST',
      'Tool pay requires confirmation, cannot continue run',
    ],
    [
      'for calls that the run does not have',
      requirement(),
      [answer({ confirmed: true }), answer({ toolCallId: 'call_9' }), answer({ toolCallId: '' })],
      'INVALID_REQUEST',
      'Run r has no tool call call_9, ; it waits for send_mail (call_1)',
    ],
    [
      'only for calls that are done',
      requirement(),
      [answer({ toolCallId: 'call_0', confirmed: true })],
      'RUN_NOT_PAUSED',
      'Run r has gone on from call_0 already; it waits for send_mail (call_1)',
    ],
    [
      'without a choice',
      feedback,
      [answer()],
      'INVALID_REQUEST',
      'Tool send_mail: question "Which size?" has no selected option',
    ],
    [
      'with an empty choice',
      feedback,
      [answer({ selections: [[]] })],
      'INVALID_REQUEST',
      'Tool send_mail: question "Which size?" has no selected option',
    ],
    [
      'with two choices of one',
      feedback,
      [answer({ selections: [['S', 'L']] })],
      'INVALID_REQUEST',
      'Tool send_mail: question "Which size?" takes one option',
    ],
    [
      'with a choice that is none',
      feedback,
      [answer({ selections: [['XL']] })],
      'INVALID_REQUEST',
      'Tool send_mail: question "Which size?" has no option "XL"; it has S, L',
    ],
    [
      'without a result',
      external,
      [answer({ confirmed: true })],
      'INVALID_REQUEST',
      'Tool send_mail requires external execution, cannot continue run: send its result',
    ],
    [
      'without anything about a call that may have run',
      unknown,
      [answer({ note: 'who knows' })],
      'INVALID_REQUEST',
      'Tool send_mail may have run when its replica was lost, cannot continue run: send its result, or confirmed=true to run it again',
    ],
  ]
  test.each(cases)('%s', async (_, requirements, sent, code, message) => {
    await expect(apply(requirements, sent, ['call_0'])).rejects.toMatchObject({ code, message })
  })

  test('whose values do not fit the tool', async () => {
    await expect(
      apply(input, [answer({ values: { subject: 'x' } })], [], '- subject: too short'),
    ).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'Tool send_mail requires user input that fits its schema: - subject: too short',
    })
  })
})

test('the tool is asked about what the model gave, with the values laid over it', async () => {
  const asked: Json[] = []
  const check = (_: string, value: Json) => {
    asked.push(value)
    return Promise.resolve(undefined)
  }
  const fields = [field('subject')]
  const of = (given: Json) => requirement({ kind: 'user-input', fields, input: given })
  for (const given of [{ to: 'ada', subject: 'old' }, 'not json', null]) {
    await applyAnswers('r', [of(given)], [answer({ values: { subject: 'new' } })], new Set(), check)
  }
  expect(asked).toEqual([{ to: 'ada', subject: 'new' }, { subject: 'new' }, { subject: 'new' }])
})
