/**
 * What a paused run waits for, as Agno's RunRequirement and in Agno's words.
 * @module
 */
import type { RunRequirement } from '@agentos/wire'
import type { PauseKind, Requirement } from '../../base/requirement.ts'
import { toWaitingTool } from './tool.ts'

/** The call with its flags, and its answer once more beside it. */
export function toRunRequirement(requirement: Requirement): RunRequirement {
  const { kind } = requirement
  const { confirmed = null, note = null, result = null } = requirement.answer ?? {}
  const tool = toWaitingTool(requirement)
  const isExternal = kind === 'external-execution' || kind === 'outcome-unknown'
  return {
    id: requirement.id,
    // Python reads `+00:00` in every version, `Z` only in newer ones.
    created_at: new Date(requirement.createdAt).toISOString().replace('Z', '+00:00'),
    ...(confirmed !== null && { confirmation: confirmed }),
    ...(note !== null && { confirmation_note: note }),
    ...(isExternal && result !== null && { external_execution_result: result }),
    tool_execution: tool,
    ...(tool.user_input_schema && { user_input_schema: tool.user_input_schema }),
    ...(tool.user_feedback_schema && { user_feedback_schema: tool.user_feedback_schema }),
  }
}

/** Agno's words for a pause. */
export const PAUSE_TYPES = {
  confirmation: 'confirmation',
  'user-input': 'user_input',
  'user-feedback': 'user_feedback',
  'external-execution': 'external_execution',
  'outcome-unknown': 'external_execution',
} as const satisfies Record<PauseKind, string>

const UNKNOWN_OUTCOME =
  'I do not know what became of a tool call that was running when a server was lost. ' +
  'Give me its result, or confirm that it may run again.'

/** What a paused run says; empty when it only waits for calls that are carried out in silence. */
export function pauseSentence(requirements: readonly Requirement[]): string {
  const kinds = new Set(requirements.filter(({ silent, answer }) => !silent && answer === null).map(({ kind }) => kind))
  const sentences = [describeNeeds(kinds), kinds.has('outcome-unknown') ? UNKNOWN_OUTCOME : '']
  return sentences.filter((sentence) => sentence !== '').join(' ')
}

/** Agno's sentences. */
function describeNeeds(kinds: ReadonlySet<PauseKind>): string {
  const needs = [
    ...(kinds.has('confirmation') ? ['confirmation'] : []),
    ...(kinds.has('user-input') || kinds.has('user-feedback') ? ['user input'] : []),
    ...(kinds.has('external-execution') ? ['external execution'] : []),
  ]
  if (needs.length === 0) return ''
  const last = needs.at(-1) ?? ''
  if (needs.length === 1)
    return `I have tools to execute, but ${last === 'external execution' ? 'it needs' : 'I need'} ${last}.`
  const list = needs.length === 2 ? needs.join(' or ') : `${needs.slice(0, -1).join(', ')}, or ${last}`
  return `I have tools to execute, but I need ${list}.`
}
