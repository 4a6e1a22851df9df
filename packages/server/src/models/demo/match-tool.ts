/**
 * Which tool a message asks for, judged by the words they share: the tool's name counts most, then its parameters and
 * enum values, then its description. Pure.
 * @module
 */
import { isJsonObject, type Json } from '../../base/json.ts'
import type { ModelTool } from '../model.ts'
import { IDENTIFIER } from './arguments.ts'
import { asText, propertiesOf, viewOf } from './schema.ts'
import { canonical, expressionOf, termsOf, withoutOperatorWords } from './words.ts'

/** Below this a shared word is taken as chance. */
const ENOUGH = 2
const IN_NAME = 3
const IN_PARAMETER = 1.5
const IN_DESCRIPTION = 1
/** A synonym is a weaker hint than the word itself. */
const SYNONYM = 0.7
/** An arithmetic expression before a tool that takes one. */
const ARITHMETIC = 3
/** An identifier before a tool that takes one. */
const IDENTIFIED = 2

/** Most clauses of a message that are looked at on their own. */
const MOST_CLAUSES = 8

/** What there is to match of one tool. */
type Profile = {
  readonly tool: ModelTool
  readonly name: ReadonlySet<string>
  readonly parameters: ReadonlySet<string>
  readonly values: ReadonlySet<string>
  readonly description: ReadonlySet<string>
  readonly takesExpression: boolean
  readonly takesIdentifier: boolean
}

/** What there is to match of a message. */
type Heard = {
  readonly said: ReadonlySet<string>
  /** The same, each word replaced by the one that stands for its synonyms. */
  readonly meant: ReadonlySet<string>
  readonly has: { readonly expression: boolean; readonly identifier: boolean }
}

function hear(message: string): Heard {
  const said = termsOf(withoutOperatorWords(message))
  const expression = expressionOf(message) !== undefined
  const identifier = /#\w|\b[A-Za-z]{0,8}-?\d{2,}/.test(message)
  return { said, meant: new Set([...said].map(canonical)), has: { expression, identifier } }
}

export type Asked = {
  readonly tool: ModelTool
  /** The part of the message that asks for it. */
  readonly clause: string
}

/** The tools that the clauses of a message ask for, each once, in the order they are asked for. */
export function toolsFor(tools: readonly ModelTool[], message: string): readonly Asked[] {
  const profiles = tools.map(profileOf)
  const users = usersOf(profiles)
  const whole = bestTool(profiles, users, message)
  if (whole === undefined) return []
  const clauses = message
    .split(/(?<=[.!?;])\s+|;|,?\s+(?:and then|then|and also|and)\s+/i)
    .filter((part) => part.trim() !== '')
  const asked = clauses.slice(0, MOST_CLAUSES).flatMap((clause) => {
    const tool = bestTool(profiles, users, clause)
    return tool === undefined ? [] : [{ tool, clause }]
  })
  const distinct = asked.filter(({ tool }, index) => asked.findIndex((other) => other.tool === tool) === index)
  return distinct.length > 1 ? distinct : [{ tool: whole, clause: message }]
}

/** The tool that shares most with `message`; undefined when none shares enough. */
function bestTool(
  profiles: readonly Profile[],
  users: ReadonlyMap<string, number>,
  message: string,
): ModelTool | undefined {
  const heard = hear(message)
  let best: ModelTool | undefined
  let most = 0
  for (const profile of profiles) {
    const score = scoreOf(profile, users, heard)
    if (score >= ENOUGH && score > most) [best, most] = [profile.tool, score]
  }
  return best
}

function scoreOf(profile: Profile, users: ReadonlyMap<string, number>, { said, meant, has }: Heard): number {
  const weigh = (terms: ReadonlySet<string>, weight: number) => {
    let score = 0
    for (const term of terms) {
      // A word that several tools use tells less about each.
      const share = weight / Math.max(1, users.get(term) ?? 1)
      if (said.has(term)) score += share
      else if (meant.has(canonical(term))) score += share * SYNONYM
    }
    return score
  }
  const { name, parameters, values, description, takesExpression, takesIdentifier } = profile
  const calculates = takesExpression && has.expression
  const named = [...name].some((term) => said.has(term))
  const identifies = takesIdentifier && named && has.identifier
  return (
    weigh(name, IN_NAME) +
    weigh(parameters, IN_PARAMETER) +
    weigh(values, IN_PARAMETER) +
    Math.min(weigh(description, IN_DESCRIPTION), IN_NAME) +
    (calculates ? ARITHMETIC : 0) +
    (identifies ? IDENTIFIED : 0)
  )
}

function profileOf(tool: ModelTool): Profile {
  const name = termsOf(tool.name)
  const properties = propertiesOf(viewOf(tool.parameters, tool.parameters))
  const parameters = termsOf(properties.map(([property]) => property).join(' '))
  const options = properties.flatMap(([, schema]) => {
    const values = isJsonObject(schema) ? schema['enum'] : undefined
    return Array.isArray(values) ? values.map((value: Json) => asText(value)) : []
  })
  return {
    tool,
    name,
    parameters,
    values: termsOf(options.join(' ')),
    description: new Set([...termsOf(tool.description)].filter((term) => !name.has(term))),
    takesExpression: /calc|math|expression|arithmetic/i.test(`${tool.name} ${[...parameters].join(' ')}`),
    takesIdentifier: properties.some(([property]) => IDENTIFIER.test(property)),
  }
}

/** How many tools use a word in their name or description. */
function usersOf(profiles: readonly Profile[]): ReadonlyMap<string, number> {
  const users = new Map<string, number>()
  for (const { name, description } of profiles) {
    for (const term of [...name, ...description]) users.set(term, (users.get(term) ?? 0) + 1)
  }
  return users
}
