/**
 * The answers of a continue request, from `tools` (Agno's ToolExecution) or `requirements` (Agno's RunRequirement), in the
 * server's own words. Whether they fit what the run waits for is decided where the run is.
 * @module
 */
import { AnsweredRequirement, AnsweredTool, type ContinueRequest } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { type JsonObject, parseJson } from '../../base/json.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { SentAnswer } from '../../runs/runs.ts'
import { InvalidFields } from './invalid-fields.ts'
import { findBadText } from './text.ts'

/** What was sent about one call, by its id or by that of its requirement. */
export type SentTool = Omit<AnsweredTool, 'tool_call_id'> & {
  readonly tool_call_id: string | undefined
  readonly requirement_id?: string | undefined
}

/**
 * @returns in the order they were sent; empty when neither field has any
 * @throws {AgentOSError} INVALID_REQUEST in Agno's words
 */
export function readSentTools({ tools, requirements }: Pick<ContinueRequest, 'tools' | 'requirements'>): SentTool[] {
  const sentTools = readList('tools', tools, AnsweredTool)
  const sentRequirements = readList('requirements', requirements, AnsweredRequirement)
  if (sentTools.length > 0 && sentRequirements.length > 0) {
    throw new AgentOSError('INVALID_REQUEST', 'Provide either `tools` or `requirements`, not both.')
  }
  return [...sentTools, ...sentRequirements.map(fromRequirement)]
}

function readList<T extends z.ZodType>(field: string, given: unknown, item: T): z.output<T>[] {
  const value = typeof given === 'string' ? parseList(field, given) : given
  if (value === undefined || value === null) return []
  const { data, error } = z.array(item).safeParse(value)
  if (data) return data
  const [issue] = error.issues
  const place = [field, ...(issue?.path ?? [])].join('.')
  throw new AgentOSError(
    'INVALID_REQUEST',
    `Invalid structure or content for ${field}: ${place}: ${issue?.message ?? 'not a list'}`,
  )
}

/** @throws {InvalidFields} for text that cannot be stored: within JSON within a form, nobody has looked at it yet */
function parseList(field: string, text: string): unknown {
  if (text.trim() === '') return undefined
  const value = parseJson(text)
  if (value === undefined) throw new AgentOSError('INVALID_REQUEST', `Invalid JSON in ${field} field`)
  const badText = findBadText({ [field]: value }, 'body')
  if (badText) throw new InvalidFields([badText])
  return value
}

/** What is set in the call itself counts; what stands beside it fills its gaps. */
function fromRequirement(sent: AnsweredRequirement): SentTool {
  const tool = sent.tool_execution
  return {
    ...tool,
    tool_call_id: tool?.tool_call_id,
    requirement_id: sent.id ?? undefined,
    confirmed: tool?.confirmed ?? sent.confirmation,
    confirmation_note: tool?.confirmation_note ?? sent.confirmation_note,
    result: tool?.result ?? sent.external_execution_result,
    user_input_schema: fillFields(tool?.user_input_schema, sent.user_input_schema),
    user_feedback_schema: fillQuestions(tool?.user_feedback_schema, sent.user_feedback_schema),
  }
}

type InputFields = AnsweredTool['user_input_schema']
type FeedbackQuestions = AnsweredTool['user_feedback_schema']

function fillFields(own: InputFields, beside: InputFields): InputFields {
  if (!own || !beside) return own ?? beside
  return own.map((field) => ({
    ...field,
    value: field.value ?? beside.find(({ name }) => name === field.name)?.value,
  }))
}

function fillQuestions(own: FeedbackQuestions, beside: FeedbackQuestions): FeedbackQuestions {
  if (!own || !beside) return own ?? beside
  return own.map((asked) => ({
    ...asked,
    selected_options:
      asked.selected_options ?? beside.find(({ question }) => question === asked.question)?.selected_options,
  }))
}

/**
 * @param requirements of the run: the order of their questions is that of the selections
 * @throws {AgentOSError} INVALID_REQUEST for a requirement that the run does not have
 */
export function toAnswers(sent: readonly SentTool[], requirements: readonly Requirement[]): SentAnswer[] {
  return sent.map((tool) => {
    const requirement = requirements.find(
      ({ id, toolCallId }) => toolCallId === tool.tool_call_id || (!tool.tool_call_id && id === tool.requirement_id),
    )
    const toolCallId = tool.tool_call_id ?? requirement?.toolCallId
    if (toolCallId === undefined) {
      const known = requirements.map(({ id }) => id).join(', ') || 'none'
      const given = tool.requirement_id ?? 'without an id'
      throw new AgentOSError('INVALID_REQUEST', `The run has no requirement ${given}; its requirements: ${known}`)
    }
    return {
      toolCallId,
      confirmed: tool.confirmed ?? null,
      note: tool.confirmation_note ?? null,
      values: toValues(tool),
      selections: toSelections(tool, requirement),
      result: toResult(tool.result),
    }
  })
}

function toValues({ user_input_schema: fields }: SentTool): JsonObject | null {
  if (!fields || fields.length === 0) return null
  return Object.fromEntries(fields.map(({ name, value }) => [name, value ?? null]))
}

function toSelections(
  { user_feedback_schema: sent }: SentTool,
  requirement: Requirement | undefined,
): string[][] | null {
  if (!sent || sent.length === 0 || !requirement) return null
  return requirement.questions.map(
    ({ question }) => sent.find((answered) => answered.question === question)?.selected_options ?? [],
  )
}

/** Text as it is, anything else as JSON: a model reads text. */
function toResult(result: unknown): string | null {
  if (result === undefined || result === null) return null
  return typeof result === 'string' ? result : JSON.stringify(result)
}
