import { describe, expect, test } from 'vitest'
import type { Approval } from '../storage/runs/approvals.ts'
import { answerByApprovals, resolutionsOf } from './approvals.ts'
import { answer, NO_ANSWER, requirement } from './testing/requirements.ts'

const asked = requirement({ approval: 'required', approvalId: 'a1' })

function approval(given: Partial<Approval> = {}): Approval {
  return {
    approvalId: 'a1',
    runId: 'r',
    sessionId: 's',
    status: 'pending',
    approvalType: 'required',
    pauseKind: 'confirmation',
    runType: 'agent',
    componentId: 'assistant',
    componentName: null,
    userId: null,
    toolName: 'send_mail',
    toolInput: {},
    requirements: [],
    resolutionData: null,
    resolvedBy: null,
    resolvedAt: null,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    runStatus: 'PAUSED',
    scheduleId: null,
    scheduleRunId: null,
    ...given,
  }
}

describe('a call that needs an approval', () => {
  test('is refused while the approval waits and the caller may not give it, whatever the caller sends', () => {
    for (const sent of [[], [answer({ confirmed: true })]]) {
      expect(() => answerByApprovals([asked], [approval()], sent, false)).toThrow(
        expect.objectContaining({ code: 'APPROVAL_PENDING' }),
      )
    }
  })

  test('is refused when its approval is gone, was cancelled or has expired', () => {
    const cases = [
      [],
      [approval({ status: 'cancelled' })],
      [approval({ status: 'expired' })],
      [approval({ approvalId: 'a2', status: 'approved' })],
    ]
    for (const approvals of cases) {
      expect(() => answerByApprovals([asked], approvals, [answer({ confirmed: true })], false)).toThrow('approval')
    }
  })

  test('is answered by a caller who may give the approval, and only by what that caller sends', () => {
    const sent = [answer({ confirmed: true })]
    expect(answerByApprovals([asked], [approval()], sent, true)).toEqual(sent)
    expect(() => answerByApprovals([asked], [approval()], [], true)).toThrow('approval')
  })

  test('is answered by a resolved approval, and not by what the caller sends', () => {
    const sent = [answer({ confirmed: true, note: 'please' })]
    const rejected = approval({ status: 'rejected', resolutionData: { note: 'no money' } })
    expect(answerByApprovals([asked], [rejected], sent, true)).toEqual([answer({ confirmed: false, note: 'no money' })])
    const approved = approval({ status: 'approved', resolutionData: { values: { to: 'bob' }, result: 'done' } })
    expect(answerByApprovals([asked], [approved], [], false)).toEqual([
      answer({ confirmed: true, values: { to: 'bob' }, result: 'done' }),
    ])
  })

  test('takes from the caller what the approval says nothing about', () => {
    const sent = [answer({ confirmed: false, values: { to: 'eve' }, selections: [['S']] })]
    expect(answerByApprovals([asked], [approval({ status: 'approved' })], sent, false)).toEqual([
      answer({ confirmed: true, values: { to: 'eve' }, selections: [['S']] }),
    ])
  })
})

test('calls that need none, or are answered already, are left to the caller', () => {
  const done = { ...asked, toolCallId: 'call_2', answer: { ...NO_ANSWER, confirmed: true } }
  const audited = requirement({ toolCallId: 'call_3', approval: 'audit', approvalId: 'a3' })
  const sent = [answer({ confirmed: true }), answer({ toolCallId: 'call_3', confirmed: true })]
  expect(answerByApprovals([requirement(), done, audited], [], sent, false)).toEqual(sent)
})

test('an answer resolves the approval that waits for it, and no other', () => {
  const answered = [
    requirement({ approval: 'required', approvalId: 'a1', answer: { ...NO_ANSWER, confirmed: false, note: 'no' } }),
    requirement({ approval: 'required', approvalId: 'a2', answer: { ...NO_ANSWER, values: { x: 1 } } }),
    requirement({ approval: 'required', approvalId: 'a3', answer: { ...NO_ANSWER, result: 'done' } }),
    requirement({ approval: 'required', approvalId: 'a4', answer: null }),
    requirement({ approval: null, approvalId: null, answer: { ...NO_ANSWER, confirmed: true } }),
  ]
  const approvals = [
    approval(),
    approval({ approvalId: 'a2' }),
    approval({ approvalId: 'a3', status: 'approved' }),
    approval({ approvalId: 'a4' }),
  ]
  expect(resolutionsOf(answered, approvals, 'ada')).toEqual([
    { approvalId: 'a1', status: 'rejected', resolvedBy: 'ada', resolutionData: { note: 'no' } },
    { approvalId: 'a2', status: 'approved', resolvedBy: 'ada', resolutionData: { values: { x: 1 } } },
  ])
})

test('an answer without anything to tell has no data', () => {
  const answered = [requirement({ approval: 'required', approvalId: 'a1', answer: { ...NO_ANSWER, confirmed: true } })]
  expect(resolutionsOf(answered, [approval()], null)).toMatchObject([{ status: 'approved', resolutionData: null }])
})
