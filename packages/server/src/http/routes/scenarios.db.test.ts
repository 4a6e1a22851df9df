/**
 * What must hold for every route, derived from the table: a new route is tested here without a line of its own.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERRORS } from '../../base/errors.ts'
import { openTestKnowledge, type TestKnowledge } from '../../knowledge/testing/knowledge.ts'
import { openKnowledgeStore } from '../../storage/knowledge/store.ts'
import { insertSpans } from '../../storage/traces/spans.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { newTrace } from '../../storage/testing/new-span.ts'
import { createEventStreamParser } from '@agentos/wire/client'
import { plainAnswer } from '../testing/fake-runs.ts'
import { openReplica, type Replica, requirement } from '../testing/replica.ts'
import { storeRun } from '../testing/stored-run.ts'
import type { Route } from '../route.ts'
import { ROUTES } from './table.ts'

const KEY = 'the-security-key'
const TRACE_ID = 'ab'.repeat(16)
/** Codes that any route may answer with. */
const GENERAL = ['INVALID_FIELDS', 'UNAUTHORIZED', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA', 'INVALID_REQUEST']

let database: TestDatabase
let server: Replica
let knowledge: TestKnowledge

beforeAll(async () => {
  database = await openTestDatabase()
  await storeRun(database.db, { runId: 'run', sessionId: 'known', events: plainAnswer('a') })
  const requirements = [requirement({ approval: 'required', approvalId: 'approval' })]
  await storeRun(database.db, { runId: 'paused', sessionId: 'known', status: 'PAUSED', requirements })
  await storeRun(database.db, { runId: 'failed', sessionId: 'known', status: 'ERROR', background: true })
  await insertSpans(database.db, newTrace({ traceId: TRACE_ID }))
  const store = await openKnowledgeStore(database, 'english')
  knowledge = await openTestKnowledge({ database, store }, { options: { jobs: 0 } })
  server = await openReplica(database, { knowledge, settings: { securityKey: KEY } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await knowledge.close()
  await database.close()
})

const cases = ROUTES.map((route) => ({ name: `${route.method} ${route.path}`, route }))
const ask = (
  method: string,
  url: string,
  { key, json, form, headers }: { key?: string; json?: unknown; form?: string; headers?: Record<string, string> } = {},
) => {
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
  const payload = form ?? (json === undefined ? undefined : JSON.stringify(json))
  return server.app.inject({
    // Any text is a method here, also those that no route has.
    method: method as 'GET',
    url,
    headers: {
      ...headers,
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(payload && { 'content-type': type }),
    },
    ...(payload !== undefined && { payload }),
  })
}
const write = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
const fill = (path: string, value: string) => path.replaceAll(/\{\w+\}/g, encodeURIComponent(value))
/** A path to what is there. */
const KNOWN: Readonly<Record<string, string>> = {
  '/agents/{id}': '/agents/assistant',
  '/runs/{run_id}': '/runs/run',
  '/sessions/{session_id}': '/sessions/known',
  '/sessions/{id}': '/sessions/known',
  '/{message_index}': '/2',
  '/jobs/{job_id}': '/jobs/failed',
  '/approvals/{approval_id}': '/approvals/approval',
  '/knowledge/{knowledge_id}': '/knowledge/base',
  '/traces/{trace_id}': `/traces/${TRACE_ID}`,
}
const point = (path: string) => Object.entries(KNOWN).reduce((url, [part, known]) => url.replace(part, known), path)

function verdictOn(route: Route, status: number, body: string): string {
  if (status === 204) return (route.status === 204 || route.events) && body === '' ? 'as declared' : 'an unexpected 204'
  if (body.startsWith('event:') || body.startsWith('id:')) return verdictOnStream(route, body)
  if (route.lines && status < 300) return verdictOnLines(route.lines, body)
  const answer: unknown = JSON.parse(body)
  if (status < 300) {
    const schema = status === 202 ? route.accepted : route.response
    const problem = [route.status, 202].includes(status) && schema ? schema.safeParse(answer).error : `status ${status}`
    return problem ? String(problem) : 'as declared'
  }
  const { error_id: code } = answer as { error_id?: string }
  return code !== undefined && [...GENERAL, ...route.errors].includes(code) ? 'as declared' : body
}

function verdictOnLines(line: NonNullable<Route['lines']>, body: string): string {
  const bad = body
    .trimEnd()
    .split('\n')
    .find((text) => !line.safeParse(JSON.parse(text)).success)
  return bad ?? 'as declared'
}

function verdictOnStream(route: Route, body: string): string {
  const frames = createEventStreamParser().push(body)
  const named = frames.every(({ event, data }) => (JSON.parse(data) as { event?: string }).event === event)
  return route.events && frames.length > 0 && named ? 'as declared' : body
}

describe.each(cases.filter(({ route }) => route.scope === 'public'))('$name', ({ route }) => {
  test.each([undefined, 'wrong', KEY])('lets everybody in, key %s', async (key) => {
    expect((await ask(route.method, fill(route.path, 'x'), key === undefined ? {} : { key })).statusCode).toBe(200)
  })
})

describe.each(cases.filter(({ route }) => route.scope !== 'public'))('$name', ({ route }) => {
  const url = fill(route.path, 'x')

  test.each([
    [undefined, 'Authorization header required'],
    ['', 'Authorization header required'],
    ['wrong', 'Invalid authentication token'],
  ])('refuses the key %s and says nothing else', async (key, detail) => {
    const answer = await ask(route.method, url, key === undefined ? {} : { key })
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect(answer.json()).toEqual({ detail, error_id: 'UNAUTHORIZED', next: ERRORS.UNAUTHORIZED.next })
  })

  test('lets the key in', async () => {
    expect((await ask(route.method, url, { key: KEY })).statusCode).not.toBe(401)
  })
})

describe.each(cases)('$name', ({ route }) => {
  test('answers with what it declares: its schema, or one of its errors', async () => {
    const form = route.body?.kind === 'form' ? { form: 'message=hi&stream=false' } : {}
    for (const path of [fill(route.path, 'x'), point(route.path)]) {
      const answer = await ask(route.method, `${path}?session_id=known`, { key: KEY, ...form })
      expect(answer.headers['x-request-id']).toMatch(/./)
      expect(answer.headers['x-agentos-revision']).toMatch(/^r/)
      expect(verdictOn(route, answer.statusCode, answer.body)).toBe('as declared')
    }
  })

  test('answers bad input with 4xx, whatever it is', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '',
        'x',
        '0',
        '-1',
        '1e99',
        'null',
        '{}',
        '[',
        '\0',
        '\ud800',
        'known',
        'assistant',
        'run',
        'paused',
      ),
    )
    const shapes = [route.query.shape, route.headers.shape, route.body?.schema.shape ?? {}]
    const names = [...shapes.flatMap((shape) => Object.keys(shape)), 'other']
    // What HTTP lets through as the value of a header.
    const header = fc.stringMatching(/^[\x20-\x7e\xa0-\xff]*$/)
    const headers = fc.record(Object.fromEntries(Object.keys(route.headers.shape).map((name) => [name, header])))
    const fields = fc.dictionary(fc.constantFrom(...names), fc.oneof(text, fc.jsonValue()))
    await fc.assert(
      fc.asyncProperty(text, fields, fields, headers, fc.boolean(), async (id, query, body, sent, asForm) => {
        const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, write(value)]))
        const form = new URLSearchParams(Object.entries(body).map(([name, value]) => [name, write(value)])).toString()
        const path = fill(id === 'known' ? point(route.path) : route.path, id.toWellFormed() || 'x')
        const answer = await ask(route.method, `${path}?${search.toString()}`, {
          key: KEY,
          headers: sent,
          ...(route.method !== 'GET' && (asForm ? { form } : { json: body })),
        })
        const supported = answer.statusCode < 500 || answer.statusCode === 501
        expect(supported ? 'answered' : `${path} ${answer.body}`).toBe('answered')
      }),
      { numRuns: 25 },
    )
  })
})

test('denies paths that are no route, and tells of them only to callers with the key', async () => {
  expect((await ask('GET', '/nope')).statusCode).toBe(401)
  const answer = await ask('GET', '/nope', { key: KEY })
  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toMatchObject({ detail: 'Not Found', error_id: 'ROUTE_NOT_FOUND' })
})

test('names the methods of a path that is asked with another', async () => {
  for (const path of new Set(ROUTES.map((route) => route.path))) {
    const methods = ROUTES.filter((route) => route.path === path).map(({ method }) => method)
    const answer = await ask('PUT', fill(path, 'x'), { key: KEY })
    expect(`${path} ${answer.statusCode}`).toBe(`${path} 405`)
    expect(answer.json()).toMatchObject({ detail: 'Method Not Allowed', error_id: 'METHOD_NOT_ALLOWED' })
    expect(String(answer.headers['allow']).split(', ')).toEqual(expect.arrayContaining(methods))
    expect((await ask('PUT', fill(path, 'x'))).statusCode).toBe(401)
  }
})

test('serves every path with and without a slash at its end', async () => {
  const answers = await Promise.all(
    ['/agents', '/agents/', '/sessions/', '/agents/assistant/'].map((path) => ask('GET', path, { key: KEY })),
  )
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200])
})
