/**
 * What a paused run waits for: one requirement per tool call that somebody else has to decide, answer or carry out.
 * @module
 */
import type { Json, JsonObject } from './json.ts'

/**
 * - `confirmation`: may the tool run?
 * - `user-input`: arguments that a person fills in, before the tool runs.
 * - `user-feedback`: questions that a person answers; the answers are the result.
 * - `external-execution`: somebody else runs the tool; what they report is the result.
 * - `outcome-unknown`: a replica died while a tool that must not run twice was running. A person gives its result, or
 *   confirms that it may run again.
 */
export type PauseKind = 'confirmation' | 'user-input' | 'user-feedback' | 'external-execution' | 'outcome-unknown'

/** `required`: only an approval lets the run go on. `audit`: the answer is recorded as an approval. */
export type ApprovalType = 'required' | 'audit'

/** One argument for a person to fill in. */
export type UserInputField = {
  readonly name: string
  /** As in Agno: `str`, `int`, `float`, `bool`, `list`, `dict`. */
  readonly fieldType: string
  readonly description: string | null
  /** What the model proposes; null where it leaves it to the person. */
  readonly value: Json
}

export type FeedbackQuestion = {
  readonly question: string
  readonly header: string | null
  readonly options: readonly { readonly label: string; readonly description: string | null }[]
  readonly multiSelect: boolean
}

export type Requirement = {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly kind: PauseKind
  readonly toolCallId: string
  readonly toolName: string
  readonly input: Json
  readonly stopAfterToolCall: boolean
  /** Empty unless `user-input`. */
  readonly fields: readonly UserInputField[]
  /** Empty unless `user-feedback`. */
  readonly questions: readonly FeedbackQuestion[]
  /** Whether an `external-execution` goes on without words to the user. */
  readonly silent: boolean
  readonly approval: ApprovalType | null
  /** Of the approval that goes with it; null without one. */
  readonly approvalId: string | null
  /** Null until somebody answers. */
  readonly answer: RequirementAnswer | null
}

/** What fits the kind is set, the rest is null. */
export type RequirementAnswer = {
  /** `confirmation`: whether the tool may run. `outcome-unknown`: true runs it again. */
  readonly confirmed: boolean | null
  /** Why not; goes to the model. */
  readonly note: string | null
  /** `user-input`: by field name, laid over what the model proposed. */
  readonly values: JsonObject | null
  /** `user-feedback`: labels chosen, per question. */
  readonly selections: readonly (readonly string[])[] | null
  /** `external-execution`, `outcome-unknown`: what the model is told the tool returned. */
  readonly result: string | null
}
