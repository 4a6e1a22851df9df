import { describe, expect, test } from 'vitest'
import { describeApi } from './openapi.ts'
import { ROUTES } from './routes/table.ts'
import { createTestApp } from './testing/test-app.ts'

// The document is looked into wherever a test needs it; its shape is what is tested.
// oxlint-disable-next-line typescript/no-explicit-any
type Part = Record<string, any>
const describeAll = (secured = false): Part => describeApi(ROUTES, { title: 'T', version: '1', secured })

describe('the OpenAPI document', () => {
  test('has every route with its parameters, body, answer and failures', () => {
    const document = describeAll()
    for (const route of ROUTES) {
      const operation = document['paths'][route.path][route.method.toLowerCase()]
      expect(operation).toMatchObject({ summary: route.summary, tags: [route.tag], 'x-scope': route.scope })
      const parameters = (operation.parameters ?? []).map(({ name }: Part) => name)
      const { params, query, headers } = route
      expect(parameters).toEqual([params, query, headers].flatMap(({ shape }) => Object.keys(shape)))
      expect(operation.responses).toHaveProperty(String(route.status))
      expect(operation.requestBody !== undefined).toBe(route.body !== undefined)
    }
    const ids = Object.values<Part>(document['paths']).flatMap((path) =>
      Object.values<Part>(path).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ROUTES.length)
  })

  test('refers only to schemas it has', () => {
    const text = JSON.stringify(describeAll())
    const { components } = JSON.parse(text)
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
      expect(components.schemas).toHaveProperty(name ?? '')
    expect(text).not.toContain('$defs')
    expect(text).not.toContain('"#"')
    expect(Object.entries<Part>(components.schemas).filter(([, schema]) => '$ref' in schema)).toEqual([])
  })

  test('shows the fields of a run as forms and as JSON', () => {
    const document = describeAll()
    const { requestBody } = document['paths']['/agents/{id}/runs'].post
    expect(Object.keys(requestBody.content)).toEqual([
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/json',
    ])
    expect(requestBody.content['multipart/form-data'].schema).toEqual({ $ref: '#/components/schemas/RunRequest' })
    const { properties, required } = document['components'].schemas.RunRequest
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(['message', 'stream', 'session_id', 'user_id', 'output_schema']),
    )
    expect(required).toEqual(['message'])
    expect(properties.stream).toMatchObject({ type: 'boolean', default: true })
  })

  test('asks for a key only where one is needed', () => {
    const document = describeAll(true)
    expect(document['paths']['/agents'].get.security).toEqual([{ key: [] }])
    expect(document['paths']['/health'].get.security).toBeUndefined()
    expect(document['components'].securitySchemes.key).toEqual({ type: 'http', scheme: 'bearer' })
  })
})

describe('/docs', () => {
  test('works without a key and without another host', async () => {
    await using server = await createTestApp({ settings: { docsEnabled: true, securityKey: 'k' } })
    const page = await server.app.inject('/docs')
    expect(page.statusCode).toBe(200)
    expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '')
    expect(files.length).toBeGreaterThan(3)
    const answers = await Promise.all(files.map(async (path) => [path, (await server.app.inject(path)).statusCode]))
    expect(answers).toEqual(files.map((path) => [path, 200]))
    expect((await server.app.inject('/docs/json')).json().openapi).toBe('3.1.0')
    expect((await server.app.inject('/openapi.json')).json().paths).toHaveProperty('/sessions/{id}')
  })

  test('is not there when it is switched off', async () => {
    await using server = await createTestApp({ settings: { docsEnabled: false } })
    for (const path of ['/docs', '/openapi.json']) expect((await server.app.inject(path)).statusCode).toBe(404)
    expect((await server.app.inject('/')).json()).not.toHaveProperty('docs')
  })
})
