/**
 * Reads what a route declares from a request: path, query, headers, body. Everything wrong is reported at once.
 * @module
 */
import type { FieldProblem } from '@agentos/wire'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { coerce, takesList } from './coerce.ts'
import type { Upload } from '../../base/upload.ts'
import { type Form, type FormLimits, parseUrlEncoded, readMultipart } from './form.ts'
import { fieldProblem, fromIssue, InvalidFields, type Place } from './invalid-fields.ts'
import type { Route, RouteInput } from '../route.ts'
import { decodeUtf8, findBadText } from './text.ts'

/** What the content type parsers make of a body. */
type ParsedBody = { readonly kind: 'json'; readonly text: string } | { readonly kind: 'form'; readonly form: Form }

/**
 * Replaces Fastify's own parsers: bytes that are not UTF-8 are refused, whatever the content type.
 * @param limitsOf what a multipart body of this request may have
 */
export function addBodyParsers(app: FastifyInstance, limitsOf: (request: FastifyRequest) => FormLimits): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    /^application\/(?:[^;]*\+)?json\b/i,
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      const text = decodeUtf8(body)
      if (text === undefined) throw new AgentOSError('INVALID_REQUEST', 'The body is not valid UTF-8')
      return { kind: 'json', text } satisfies ParsedBody
    },
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      return { kind: 'form', form: parseUrlEncoded(body) } satisfies ParsedBody
    },
  )
  app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest, payload: IncomingMessage) => {
    // A request that is destroyed half-way could not be answered.
    const body = payload.iterator({ destroyOnReturn: false })
    const form = await readMultipart(body, request.headers['content-type'] ?? '', limitsOf(request))
    return { kind: 'form', form } satisfies ParsedBody
  })
}

/** The files that came with a request; none where its route takes none. */
export function uploadsOf(request: FastifyRequest): readonly Upload[] {
  return formOf(request)?.uploads ?? []
}

/** Removes the files that came with a request. */
export async function discardUploads(request: FastifyRequest): Promise<void> {
  await formOf(request)?.discard()
}

function formOf(request: FastifyRequest): Form | undefined {
  // Only the parsers above make bodies.
  const body = request.body as ParsedBody | undefined | null
  return body?.kind === 'form' ? body.form : undefined
}

/** @throws {InvalidFields} and {AgentOSError} INVALID_REQUEST, UNSUPPORTED_MEDIA, BODY_TOO_LARGE */
export function readInput(route: Route, request: FastifyRequest): RouteInput {
  const given = readBody(route, request)
  const problems: FieldProblem[] = []
  const take = (schema: z.ZodObject, values: Readonly<Record<string, unknown>>, place: Place) => {
    const coerced =
      place === 'body' && route.body?.kind === 'json' ? { values, problems: [] } : coerce(schema, values, place)
    const badText = findBadText(coerced.values, place)
    const parsed = schema.safeParse(coerced.values, { reportInput: true })
    const known = new Set(coerced.problems.map(({ loc }) => loc[1]))
    problems.push(...coerced.problems, ...(badText ? [badText] : []))
    // A text that did not parse is not missing, although the schema did not see it.
    for (const issue of parsed.error?.issues ?? [])
      if (!known.has(String(issue.path[0]))) problems.push(fromIssue(issue, place, values))
    return parsed.data
  }
  const input = {
    // Fastify gives objects of texts; a key that is sent twice is a list in the query.
    params: take(route.params, request.params as Record<string, unknown>, 'path'),
    query: take(route.query, pickValues(route.query, request.query as Record<string, unknown>), 'query'),
    headers: take(route.headers, request.headers, 'header'),
    body: route.body ? take(route.body.schema, given, 'body') : {},
  }
  if (problems.length > 0) throw new InvalidFields(problems)
  return input
}

function readBody(route: Route, request: FastifyRequest): Readonly<Record<string, unknown>> {
  if (!route.body) return {}
  // Only the parsers above make bodies.
  const body = request.body as ParsedBody | undefined | null
  if (!body || (body.kind === 'json' && body.text.trim() === '')) {
    if (route.body.kind === 'form' || route.body.optional) return {}
    throw new InvalidFields([fieldProblem('missing', ['body'], 'Field required', null)])
  }
  return body.kind === 'form' ? fieldsOf(body.form, route) : parseJsonBody(body.text)
}

function fieldsOf(form: Form, route: Route): Readonly<Record<string, unknown>> {
  if (route.body?.kind !== 'form') throw new AgentOSError('UNSUPPORTED_MEDIA', 'This route takes JSON, not a form')
  if (form.files.length > 0 && route.uploads === undefined) {
    const names = form.files.map((name) => JSON.stringify(name)).join(', ')
    throw new AgentOSError('NOT_SUPPORTED', `This route takes no files; this form has some in ${names}`)
  }
  return form.fields
}

function parseJsonBody(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const at = Number(/position (\d+)/.exec(reason)?.[1] ?? 0)
    throw new InvalidFields([fieldProblem('json_invalid', ['body', at], 'JSON decode error', {}, { error: reason })])
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  const msg = 'Input should be a valid dictionary or object to extract fields from'
  throw new InvalidFields([fieldProblem('model_attributes_type', ['body'], msg, value)])
}

/** A list gets every value of its name, anything else the last one. */
function pickValues(schema: z.ZodObject, query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const values: unknown[] = Array.isArray(value) ? value : [value]
      return [name, takesList(schema, name) ? values : values.at(-1)]
    }),
  )
}
