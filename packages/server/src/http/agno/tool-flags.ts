/**
 * The flags of a ToolExecution that say what a run waits for. A call whose outcome is unknown is shown as one that is carried out elsewhere: a person reports its result, or confirms
 * that it may run again.
 * @module
 */
import type { ToolExecution as WireToolExecution } from '@agentos/wire'
import type { Requirement } from '../../base/requirement.ts'

type Flags = Pick<
  WireToolExecution,
  | 'requires_confirmation'
  | 'confirmed'
  | 'confirmation_note'
  | 'requires_user_input'
  | 'user_input_schema'
  | 'user_feedback_schema'
  | 'answered'
  | 'external_execution_required'
  | 'external_execution_silent'
  | 'approval_type'
  | 'approval_id'
>

/** Of a call that nobody had to decide about. */
export const NO_FLAGS: Flags = {
  requires_confirmation: null,
  confirmed: null,
  confirmation_note: null,
  requires_user_input: null,
  user_input_schema: null,
  user_feedback_schema: null,
  answered: null,
  external_execution_required: null,
  external_execution_silent: null,
  approval_type: null,
  approval_id: null,
}

/** As Agno has them: `requires_...` is false once it was answered. */
export function flagsOf(requirement: Requirement): Flags {
  const { kind, answer } = requirement
  const isOpen = answer === null
  const asksInput = kind === 'user-input' || kind === 'user-feedback'
  const isExternal = kind === 'external-execution' || kind === 'outcome-unknown'
  return {
    requires_confirmation: kind === 'confirmation' ? isOpen : null,
    confirmed: answer?.confirmed ?? null,
    confirmation_note: answer?.note ?? null,
    requires_user_input: asksInput ? isOpen : null,
    user_input_schema: kind === 'user-input' ? toInputSchema(requirement) : null,
    user_feedback_schema: kind === 'user-feedback' ? toFeedbackSchema(requirement) : null,
    answered: asksInput && !isOpen ? true : null,
    external_execution_required: isExternal ? isOpen : null,
    external_execution_silent: requirement.silent ? true : null,
    approval_type: requirement.approval,
    approval_id: requirement.approvalId,
  }
}

/** What was filled in is shown; else what the model proposes. */
function toInputSchema({ fields, answer }: Requirement): WireToolExecution['user_input_schema'] {
  const values = answer?.values ?? {}
  return fields.map(({ name, fieldType, description, value }) => ({
    name,
    field_type: fieldType,
    description,
    value: Object.hasOwn(values, name) ? (values[name] ?? null) : value,
  }))
}

function toFeedbackSchema({ questions, answer }: Requirement): WireToolExecution['user_feedback_schema'] {
  return questions.map(({ question, header, options, multiSelect }, place) => {
    const selected = answer?.selections?.[place]
    return {
      question,
      header,
      multi_select: multiSelect,
      selected_options: selected ? [...selected] : null,
      options: options.map(({ label, description }) => ({
        label,
        description,
        selected: selected?.includes(label) ?? false,
      })),
    }
  })
}
