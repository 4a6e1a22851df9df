/**
 * The answers of a test, given to the calls that a run pauses for.
 * @module
 */
import type { OpenRequirement, ScriptedAnswer } from '@agentos/sdk/testing'
import { isJsonObject, toJson, type JsonObject } from '../base/json.ts'
import type { Requirement, RequirementAnswer } from '../base/requirement.ts'

export type ScriptedAnswers = {
  /** The requirements with their answers, which are used up; undefined when one has none. */
  readonly answer: (requirements: readonly Requirement[]) => readonly Requirement[] | undefined
  /** @throws {TypeError} naming an answer that was not asked for */
  readonly refuseUnused: () => void
}

/** @throws {TypeError} naming an answer that says nothing, or something that JSON cannot carry */
export function createAnswers(scripted: readonly ScriptedAnswer[]): ScriptedAnswers {
  const unused = scripted.map((given, index) => {
    const what = `answers[${index}] (tool "${given.tool}")`
    return { what, tool: given.tool, answer: readAnswer(given, what) }
  })
  return {
    answer: (requirements) => {
      const left = [...unused]
      const answered: Requirement[] = []
      for (const requirement of requirements) {
        const index = left.findIndex(({ tool }) => tool === requirement.toolName)
        const [found] = index < 0 ? [] : left.splice(index, 1)
        if (found === undefined) return undefined
        answered.push({ ...requirement, answer: found.answer })
      }
      unused.splice(0, unused.length, ...left)
      return answered
    },
    refuseUnused: () => {
      const [first] = unused
      if (first !== undefined) throw new TypeError(`${first.what} was not asked for: the run did not pause for it`)
    },
  }
}

/** What a test sees of a requirement. A run of a test is never lost, so no outcome is unknown. */
export function describeRequirement(requirement: Requirement): OpenRequirement {
  const { kind, toolName, input, approval, fields, questions } = requirement
  if (kind === 'outcome-unknown') throw new TypeError(`the outcome of tool "${toolName}" is unknown`)
  return {
    kind,
    tool: toolName,
    input,
    approval: approval ?? undefined,
    fields: fields.map(({ name, value }) => ({ name, value })),
    questions: questions.map(({ question, options, multiSelect }) => ({
      question,
      options: options.map(({ label }) => label),
      multiSelect,
    })),
  }
}

function readAnswer(given: ScriptedAnswer, what: string): RequirementAnswer {
  const { confirmed, note, values, selections, result } = given
  if (confirmed === undefined && values === undefined && selections === undefined && result === undefined) {
    throw new TypeError(`${what} answers nothing; give confirmed, values, selections or result`)
  }
  return {
    confirmed: confirmed ?? null,
    note: note ?? null,
    values: values === undefined ? null : toObject(values, `${what}.values`),
    selections: selections ?? null,
    result: result === undefined ? null : toText(result, `${what}.result`),
  }
}

function toObject(value: object, what: string): JsonObject {
  const json = toJson(value, what)
  if (!isJsonObject(json)) throw new TypeError(`${what} must be an object`)
  return json
}

function toText(value: unknown, what: string): string {
  return typeof value === 'string' ? value : JSON.stringify(toJson(value, what))
}
