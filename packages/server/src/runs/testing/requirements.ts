/**
 * Requirements and answers, for tests that care about one or two of their values.
 * @module
 */
import type { Requirement, RequirementAnswer } from '../../base/requirement.ts'
import type { SentAnswer } from '../answers.ts'

export const NO_ANSWER: RequirementAnswer = {
  confirmed: null,
  note: null,
  values: null,
  selections: null,
  result: null,
}

/** Of the call `call_1` to `send_mail`, to be confirmed. */
export function requirement(given: Partial<Requirement> = {}): Requirement {
  return {
    id: 'requirement-1',
    createdAt: 1,
    kind: 'confirmation',
    toolCallId: 'call_1',
    toolName: 'send_mail',
    input: { to: 'ada' },
    stopAfterToolCall: false,
    fields: [],
    questions: [],
    silent: false,
    approval: null,
    approvalId: null,
    answer: null,
    ...given,
  }
}

/** To {@link requirement}. */
export function answer(given: Partial<SentAnswer> = {}): SentAnswer {
  return { ...NO_ANSWER, toolCallId: 'call_1', ...given }
}
