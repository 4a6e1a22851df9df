/**
 * Endpoints that schedules name: which route of this server that is, and whether it would take the payload. What is wrong
 * with them is said when the schedule is made, not when its time has come.
 * @module
 */
import type { FieldProblem } from '@agentos/wire'
import type { Registry } from '../loader/registry.ts'
import type { JsonObject } from '../base/json.ts'
import { decodeOrKeep } from '../base/percent.ts'
import { coerce } from './input/coerce.ts'
import { fieldProblem, fromIssue, InvalidFields } from './input/invalid-fields.ts'
import type { Endpoints } from './deps.ts'
import type { Route } from './route.ts'

/** Schedules that make or trigger schedules would never end. */
const SCHEDULES = /^\/schedules(\/|$)/

export function createEndpoints(routes: readonly Route[]): Endpoints {
  const patterns = routes.map((route) => ({ route, pattern: patternOf(route) }))
  return {
    check({ method, endpoint, payload }, registry) {
      const refuse = (field: string, msg: string, input: string) =>
        new InvalidFields([fieldProblem('value_error', ['body', field], msg, input)])
      const path = endpoint.replace(/[?#].*$/s, '')
      if (!isPlain(path))
        throw refuse('endpoint', 'Endpoint must be percent-encoded, and without . and .. as parts', endpoint)
      if (SCHEDULES.test(path)) throw refuse('endpoint', 'A schedule cannot call schedules', endpoint)
      const found = patterns.filter(({ pattern }) => pattern.test(path)).map(({ route }) => route)
      if (found.length === 0) throw refuse('endpoint', `${path} is no route of this server; /docs lists them`, endpoint)
      const route = found.find((candidate) => candidate.method === method)
      if (route === undefined) {
        const methods = found.map((candidate) => candidate.method).join(', ')
        throw refuse('method', `${path} takes ${methods}, not ${method}`, method)
      }
      const missing = findMissingAgent(route, path, registry)
      if (missing !== undefined)
        throw refuse('endpoint', `No agent ${missing} is served; GET /agents lists them`, endpoint)
      const problems = findPayloadProblems(route, payload ?? {})
      if (problems.length > 0) throw new InvalidFields(problems)
    },
  }
}

/** Whether the server will see this very path. */
function isPlain(path: string): boolean {
  return new URL(`http://inside${path}`).pathname === path
}

/** Routes with a fixed part come before those with a parameter in its place, as in the table. */
function patternOf({ path }: Route): RegExp {
  const source = path.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${source.replace(/\/$/, '')}/?$`)
}

/** While no revision is loaded, any id may be an agent's. */
function findMissingAgent(route: Route, path: string, registry: Pick<Registry, 'current'>): string | undefined {
  const [, id] = route.path.startsWith('/agents/{id}') ? (/^\/agents\/([^/]+)/.exec(path) ?? []) : []
  const generation = registry.current()
  if (id === undefined || generation === undefined) return undefined
  // What is not percent-encoded text is no id.
  const agentId = decodeOrKeep(id)
  return generation.manifest.agents.some((agent) => agent.id === agentId) ? undefined : agentId
}

function findPayloadProblems(route: Route, payload: JsonObject): FieldProblem[] {
  if (route.body === undefined) return []
  const { schema, kind } = route.body
  const coerced = kind === 'form' ? coerce(schema, payload, 'body') : { values: payload, problems: [] }
  const parsed = schema.safeParse(coerced.values, { reportInput: true })
  const issues = parsed.error?.issues.map((issue) => fromIssue(issue, 'body', payload)) ?? []
  return [...coerced.problems, ...issues].map((problem) => ({
    ...problem,
    loc: ['body', 'payload', ...problem.loc.slice(1)],
  }))
}
