/**
 * The OpenAPI 3.1 document, from the route table.
 * @module
 */
import { AgentEvent, Problem, ValidationProblem } from '@agentos/wire'
import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Route } from './route.ts'

type Part = { [key: string]: unknown }

/** @param routes those to describe; each under its own tag */
export function describeApi(
  routes: readonly Route[],
  { title, version, secured }: { readonly title: string; readonly version: string; readonly secured: boolean },
): JsonObject {
  const components = createComponents()
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: describeRoute(route, components, secured),
    }
  }
  const document = {
    openapi: '3.1.0',
    info: { title, version, description: "Agno's AgentOS API: agents, runs as event streams, sessions." },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components.schemas(),
      ...(secured && { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } }),
    },
  }
  // Schemas of zod are JSON already; a round trip drops what is undefined.
  return JSON.parse(JSON.stringify(document))
}

type Components = {
  /** A schema, with the named ones inside as references. */
  readonly refer: (schema: z.ZodType, io: 'input' | 'output') => Part
  readonly schemas: () => Part
}

/** Collects named schemas: zod puts them under `$defs`, OpenAPI wants them in one place. */
function createComponents(): Components {
  const named: Part = {}
  return {
    refer(schema, io) {
      const text = JSON.stringify(z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' }))
      const { $schema: _, $defs, ...own }: Part = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/'))
      for (const [name, part] of Object.entries($defs ?? {})) named[name] = part
      const id = schema.meta()?.id
      if (id === undefined) return own
      // A named schema at the root is itself a reference to its definition, or stands there whole.
      if (!('$ref' in own)) named[id] = own
      return { $ref: `#/components/schemas/${id}` }
    },
    schemas: () => Object.fromEntries(Object.entries(named).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}

function describeRoute(route: Route, components: Components, secured: boolean): Part {
  const parameters = [
    ...describeParameters(route.params, 'path', components),
    ...describeParameters(route.query, 'query', components),
    ...describeParameters(route.headers, 'header', components),
  ]
  const isOpen = route.scope === 'public'
  return {
    operationId: nameOf(route),
    tags: [route.tag],
    summary: route.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: describeBody(route.body, components) }),
    responses: describeResponses(route, components, secured && !isOpen),
    'x-scope': route.scope,
    ...(secured && !isOpen && { security: [{ key: [] }] }),
  }
}

/** `postAgentsRunsCancel` for POST /agents/{id}/runs/{run_id}/cancel; `getAgentsId` keeps reads of one apart. */
function nameOf({ method, path }: Route): string {
  const words = path.split('/').filter((part) => part !== '')
  const kept = words.filter((word, index) => !word.startsWith('{') || index === words.length - 1)
  const name = kept.map((word) =>
    word.replaceAll(/[{}]/g, '').replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase()),
  )
  return method.toLowerCase() + (name.length > 0 ? name.join('') : 'Home')
}

function describeParameters(schema: z.ZodObject, place: 'path' | 'query' | 'header', components: Components): Part[] {
  const { properties, required } = components.refer(schema, 'input')
  const needed = Array.isArray(required) ? required : []
  return Object.entries(properties ?? {}).map(([name, part]) => {
    const { description, ...own }: Part = { ...part }
    return {
      name,
      in: place,
      required: place === 'path' || needed.includes(name),
      ...(description ? { description } : {}),
      schema: own,
    }
  })
}

function describeBody({ kind, optional, schema }: NonNullable<Route['body']>, components: Components): Part {
  const content = { schema: components.refer(schema, 'input') }
  return {
    required: !optional,
    content:
      kind === 'json'
        ? { 'application/json': content }
        : { 'application/x-www-form-urlencoded': content, 'multipart/form-data': content, 'application/json': content },
  }
}

function describeResponses(route: Route, components: Components, needsKey: boolean): Part {
  const content: Part = {}
  if (route.response && route.status !== 204) {
    content['application/json'] = { schema: components.refer(route.response, 'output') }
  }
  if (route.events) {
    const { $ref } = components.refer(AgentEvent, 'output')
    const description = 'Frames of `id:`, `event:` and `data:`; each data line is one event as JSON.'
    content['text/event-stream'] = { schema: { type: 'string', description, 'x-event': $ref } }
  }
  if (route.lines) {
    const { $ref } = components.refer(route.lines, 'output')
    const description = 'Lines of JSON; each is such an object.'
    content['application/x-ndjson'] = { schema: { type: 'string', description, 'x-line': $ref } }
  }
  if (route.bytes) content['*/*'] = { schema: { type: 'string', format: 'binary' } }
  const takesInput =
    route.body !== undefined ||
    Object.keys({ ...route.params.shape, ...route.query.shape, ...route.headers.shape }).length > 0
  const codes: ErrorCode[] = [
    ...route.errors,
    ...(needsKey ? (['UNAUTHORIZED'] as const) : []),
    ...(route.body ? (['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA'] as const) : []),
  ]
  return {
    [route.status]: { description: 'Success', ...(Object.keys(content).length > 0 && { content }) },
    ...(route.bytes && {
      206: { description: 'The part that Range asks for', content },
      304: { description: 'What If-None-Match names is still good' },
    }),
    ...(route.accepted && {
      202: {
        description: 'Accepted: it waits in the queue',
        content: { 'application/json': { schema: components.refer(route.accepted, 'output') } },
      },
    }),
    ...describeFailures(codes, components),
    ...(takesInput && {
      422: failure('A field is wrong: INVALID_FIELDS', components.refer(ValidationProblem, 'output')),
    }),
  }
}

function describeFailures(codes: readonly ErrorCode[], components: Components): Part {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) {
    const { status } = ERRORS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const schema = components.refer(Problem, 'output')
  return Object.fromEntries([...byStatus].map(([status, list]) => [status, failure(list.join(', '), schema)]))
}

function failure(description: string, schema: Part): Part {
  return { description, content: { 'application/json': { schema } } }
}
