/**
 * What must hold for every route, derived from the table: a new route is tested here without a line of its own.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERRORS } from '../../base/errors.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { COMPLETED } from '../testing/fake-runs.ts'
import { storeRun } from '../testing/stored-run.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'
import type { Route } from '../route.ts'
import { ROUTES } from './table.ts'

const KEY = 'the-security-key'
/** Codes that any route may answer with. */
const GENERAL = ['INVALID_FIELDS', 'UNAUTHORIZED', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA', 'INVALID_REQUEST']

let database: TestDatabase
let server: TestApp

beforeAll(async () => {
  database = await openTestDatabase()
  await storeRun(database.db, { runId: 'run', sessionId: 'known' })
  server = await createTestApp({ database, settings: { securityKey: KEY } })
  server.runs.play = (run) => run.finish(COMPLETED)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const cases = ROUTES.map((route) => ({ name: `${route.method} ${route.path}`, route }))
const ask = (
  method: string,
  url: string,
  { key, json, form }: { key?: string; json?: unknown; form?: string } = {},
) => {
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
  const payload = form ?? (json === undefined ? undefined : JSON.stringify(json))
  return server.app.inject({
    // Any text is a method here, also those that no route has.
    method: method as 'GET',
    url,
    headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...(payload && { 'content-type': type }) },
    ...(payload !== undefined && { payload }),
  })
}
const write = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
const fill = (path: string, value: string) => path.replaceAll(/\{\w+\}/g, encodeURIComponent(value))

function verdictOn(route: Route, status: number, body: string): string {
  if (status === 204) return route.status === 204 && body === '' ? 'as declared' : 'an unexpected 204'
  const answer: unknown = JSON.parse(body)
  if (status < 300) {
    const problem = status === route.status ? route.response?.safeParse(answer).error : `status ${status}`
    return problem ? String(problem) : 'as declared'
  }
  const { error_id: code } = answer as { error_id?: string }
  return code !== undefined && [...GENERAL, ...route.errors].includes(code) ? 'as declared' : body
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
    const answer = await ask(route.method, fill(route.path, 'x'), { key: KEY, ...form })
    expect(answer.headers).toMatchObject({ 'x-request-id': expect.stringMatching(/./), 'x-agentos-revision': 'rev-1' })
    expect(verdictOn(route, answer.statusCode, answer.body)).toBe('as declared')
  })

  test('answers bad input with 4xx, whatever it is', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', 'x', '0', '-1', '1e99', 'null', '{}', '[', '\0', '\ud800', 'known', 'assistant'),
    )
    const names = [...Object.keys(route.query.shape), ...Object.keys(route.body?.schema.shape ?? {}), 'other']
    const fields = fc.dictionary(fc.constantFrom(...names), fc.oneof(text, fc.jsonValue()))
    await fc.assert(
      fc.asyncProperty(text, fields, fields, fc.boolean(), async (id, query, body, asForm) => {
        const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, write(value)]))
        const form = new URLSearchParams(Object.entries(body).map(([name, value]) => [name, write(value)])).toString()
        const path = fill(route.path, id.toWellFormed() || 'x')
        const answer = await ask(route.method, `${path}?${search.toString()}`, {
          key: KEY,
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
