/**
 * Answers to a paused run, matched with what it waits for. All that is wrong with them is found here, before anything of
 * the run is touched.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts'
import type { Requirement, RequirementAnswer } from '../base/requirement.ts'

/** One answer as a client sends it; what it says nothing about is null. */
export type SentAnswer = RequirementAnswer & { readonly toolCallId: string }

/** @returns why the arguments do not fit the tool, in words; undefined when they do */
export type CheckInput = (toolName: string, input: Json) => Promise<string | undefined>

/**
 * @param sent may repeat calls of the run that are done; clients send all they know
 * @param known ids of the calls of the run that have a result
 * @throws {AgentOSError} INVALID_REQUEST for answers that are missing, too many or of the wrong kind, RUN_NOT_PAUSED when
 *   all of them are for calls that are done
 */
export async function applyAnswers(
  runId: string,
  requirements: readonly Requirement[],
  sent: readonly SentAnswer[],
  known: ReadonlySet<string>,
  checkInput: CheckInput,
): Promise<Requirement[]> {
  const waiting = requirements.filter(({ answer }) => answer === null)
  refuseStrangers(runId, waiting, sent, known)
  const answered: Requirement[] = []
  for (const requirement of requirements) {
    if (requirement.answer !== null) {
      answered.push(requirement)
      continue
    }
    const answer = sent.findLast(({ toolCallId }) => toolCallId === requirement.toolCallId)
    if (answer === undefined) throw missing(requirement)
    answered.push({ ...requirement, answer: await settle(requirement, answer, checkInput) })
  }
  return answered
}

function refuseStrangers(
  runId: string,
  waiting: readonly Requirement[],
  sent: readonly SentAnswer[],
  known: ReadonlySet<string>,
): void {
  const waitingIds = new Set(waiting.map(({ toolCallId }) => toolCallId))
  const names = waiting.map(({ toolName, toolCallId }) => `${toolName} (${toolCallId})`).join(', ')
  if (sent.length === 0) {
    throw new AgentOSError('INVALID_REQUEST', `Run ${runId} waits for answers to ${names}; send them in tools`)
  }
  const strangers = sent.filter(({ toolCallId }) => !waitingIds.has(toolCallId) && !known.has(toolCallId))
  if (strangers.length > 0) {
    const ids = strangers.map(({ toolCallId }) => toolCallId).join(', ')
    throw new AgentOSError('INVALID_REQUEST', `Run ${runId} has no tool call ${ids}; it waits for ${names}`)
  }
  if (!sent.some(({ toolCallId }) => waitingIds.has(toolCallId))) {
    const ids = sent.map(({ toolCallId }) => toolCallId).join(', ')
    throw new AgentOSError('RUN_NOT_PAUSED', `Run ${runId} has gone on from ${ids} already; it waits for ${names}`)
  }
}

async function settle(
  requirement: Requirement,
  { toolCallId: _, ...answer }: SentAnswer,
  checkInput: CheckInput,
): Promise<RequirementAnswer> {
  const none = { confirmed: null, note: answer.note, values: null, selections: null, result: null }
  // Whatever it waits for, a person may refuse it; a call that may have run is then not run again.
  if (answer.confirmed === false && answer.result === null) return { ...none, confirmed: false }
  switch (requirement.kind) {
    case 'confirmation':
      // As in Agno, a confirmation that nobody gave is a rejection.
      return { ...none, confirmed: answer.confirmed ?? false }
    case 'user-input':
      return { ...none, values: await readValues(requirement, answer.values ?? {}, checkInput) }
    case 'user-feedback':
      return { ...none, selections: readSelections(requirement, answer.selections) }
    case 'external-execution':
      if (answer.result === null) throw missing(requirement)
      return { ...none, result: answer.result }
    case 'outcome-unknown':
      if (answer.result === null && answer.confirmed !== true) throw missing(requirement)
      return answer.result === null ? { ...none, confirmed: true } : { ...none, result: answer.result }
  }
}

/** In Agno's words where it has some. */
function missing({ kind, toolName }: Requirement): AgentOSError {
  const needs = {
    confirmation: 'requires confirmation, cannot continue run',
    'user-input': 'requires user input, cannot continue run',
    'user-feedback': 'requires user feedback, cannot continue run',
    'external-execution': 'requires external execution, cannot continue run: send its result',
    'outcome-unknown':
      'may have run when its replica was lost, cannot continue run: send its result, or confirmed=true to run it again',
  }
  return new AgentOSError('INVALID_REQUEST', `Tool ${toolName} ${needs[kind]}`)
}

/** Values that are null are left out: only the schema of the tool knows what it can do without. */
async function readValues(
  { toolName, input, fields }: Requirement,
  sent: JsonObject,
  checkInput: CheckInput,
): Promise<JsonObject> {
  const values: [string, Json][] = []
  for (const { name, value: proposed } of fields) {
    // Own keys only: a field may be called as something that every object has.
    const value = (Object.hasOwn(sent, name) ? sent[name] : null) ?? proposed
    if (value !== null) values.push([name, value])
  }
  const given = Object.fromEntries(values)
  const problem = await checkInput(toolName, { ...(isJsonObject(input) ? input : {}), ...given })
  if (problem === undefined) return given
  throw new AgentOSError('INVALID_REQUEST', `Tool ${toolName} requires user input that fits its schema: ${problem}`)
}

function readSelections({ toolName, questions }: Requirement, sent: RequirementAnswer['selections']): string[][] {
  return questions.map(({ question, options, multiSelect }, index) => {
    const chosen = [...(sent?.[index] ?? [])]
    const problem = (detail: string) =>
      new AgentOSError('INVALID_REQUEST', `Tool ${toolName}: question ${JSON.stringify(question)} ${detail}`)
    if (chosen.length === 0) throw problem('has no selected option')
    if (chosen.length > 1 && !multiSelect) throw problem('takes one option')
    const labels = options.map(({ label }) => label)
    const stranger = chosen.find((label) => !labels.includes(label))
    if (stranger === undefined) return chosen
    throw problem(`has no option ${JSON.stringify(stranger)}; it has ${labels.join(', ')}`)
  })
}
