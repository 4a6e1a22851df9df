/**
 * What a run waits for, for tests that care about one or two of its values.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { Requirement } from '../../base/requirement.ts'

export function newRequirement(given: Partial<Requirement> = {}): Requirement {
  return {
    id: randomUUID(),
    createdAt: 1,
    kind: 'confirmation',
    toolCallId: 'call-1',
    toolName: 'refund',
    input: { orderId: '7' },
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
