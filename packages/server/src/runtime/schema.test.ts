import { jsonSchema } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { z as z3 } from 'zod/v3'
import { prepareSchema } from './schema.ts'
import { describeIssues, writePath } from './validation.ts'

const order = z.object({
  items: z.array(z.object({ sku: z.string(), count: z.number().int().default(1) })),
  note: z.string().optional(),
})

/** A Standard Schema as small libraries write it: validation only, asynchronous. */
const handmade = (more: object = {}) => ({
  '~standard': {
    version: 1 as const,
    vendor: 'handmade',
    validate: async (value: unknown) =>
      typeof value === 'string'
        ? { value: value.length }
        : { issues: [{ message: 'not text', path: [{ key: 'deep' }, 0] }] },
    ...more,
  },
})

test('takes a zod schema: what goes in for the model, defaults and transforms for the tool', async () => {
  const { json, validate } = await prepareSchema(order, 'tool "order"')
  expect(json).toEqual({
    type: 'object',
    properties: {
      items: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            sku: { type: 'string' },
            count: { default: 1, type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
          },
          required: ['sku'],
          additionalProperties: false,
        },
      },
      note: { type: 'string' },
    },
    required: ['items'],
    additionalProperties: false,
  })
  expect(await validate({ items: [{ sku: 'a' }] })).toEqual({ ok: true, value: { items: [{ sku: 'a', count: 1 }] } })
})

test('gives issues with their paths', async () => {
  const { validate } = await prepareSchema(order, 'tool "order"')
  const result = await validate({ items: [{ sku: 'a' }, { sku: 1, count: 1.5 }] })
  expect(result.ok ? '' : describeIssues(result.issues)).toBe(
    '- items[1].sku: Invalid input: expected string, received number\n- items[1].count: Invalid input: expected int, received number',
  )
})

test('keeps what a zod schema says of further keys', async () => {
  const { json } = await prepareSchema(
    z.object({ open: z.looseObject({}), map: z.record(z.string(), z.number()) }),
    'it',
  )
  expect(json['properties']).toMatchObject({
    open: { additionalProperties: {} },
    map: { additionalProperties: { type: 'number' } },
  })
})

test('takes a Standard Schema that tells its JSON Schema, and waits for its validation', async () => {
  const schema = handmade({ jsonSchema: { input: () => ({ $schema: 'x', type: 'string' }) } })
  const { json, validate } = await prepareSchema(schema, 'it')
  expect(json).toEqual({ type: 'string' })
  expect(await validate('four')).toEqual({ ok: true, value: 4 })
  expect(await validate(4)).toEqual({ ok: false, issues: [{ path: 'deep[0]', message: 'not text' }] })
})

test.each([
  ['zod 3', z3.object({}), 'this zod schema does not tell its JSON Schema; use zod 4.2 or later, or write JSON Schema'],
  ['a library without it', handmade(), 'this handmade schema does not tell its JSON Schema'],
  ['a date', z.object({ at: z.date() }), 'its zod schema cannot become JSON Schema: Date cannot be represented'],
  ['something that is no schema', 7, 'its schema must be a JSON Schema object'],
  ['a type that does not exist', { type: 'strin' }, 'its schema is not valid JSON Schema: '],
  ['a reference that leads nowhere', { $ref: 'https://example.com/s.json' }, 'its schema is not valid JSON Schema: '],
  ['an asynchronous schema', { $async: true, type: 'object' }, 'its schema is not valid JSON Schema: "$async"'],
])('refuses %s, naming the tool', async (_, schema, reason) => {
  const refusal = prepareSchema(schema, 'tool "order"')
  await expect(refusal).rejects.toThrow(TypeError)
  await expect(refusal).rejects.toThrow(`tool "order": ${reason}`)
})

test('takes JSON Schema as it is and checks it', async () => {
  const schema = {
    type: 'object',
    properties: { unit: { enum: ['C', 'F'] }, tags: { type: 'array', items: { type: 'string', pattern: '^a' } } },
    required: ['unit'],
    additionalProperties: false,
  }
  const { json, validate } = await prepareSchema(
    { $schema: 'http://json-schema.org/draft-07/schema#', ...schema },
    'it',
  )
  expect(json).toEqual(schema)
  expect(await validate({ unit: 'C', tags: ['ab'] })).toMatchObject({ ok: true })
  const result = await validate({ unit: 'K', tags: ['b'], more: 1 })
  expect(result.ok ? [] : result.issues.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
    { path: '', message: 'has an unknown key "more"' },
    { path: 'tags[0]', message: 'must match pattern "^a"' },
    { path: 'unit', message: 'must be one of ["C","F"]' },
  ])
})

test('knows both dialects, also where the schema names none', async () => {
  const newer = await prepareSchema({ prefixItems: [{ type: 'string' }, { type: 'number' }] }, 'it')
  expect(await newer.validate(['a', 'b'])).toMatchObject({ ok: false })
  const older = await prepareSchema({ items: [{ type: 'string' }, { type: 'number' }] }, 'it')
  expect(await older.validate(['a', 'b'])).toMatchObject({ ok: false })
  expect(await older.validate(['a', 1])).toMatchObject({ ok: true })
})

test('takes jsonSchema() of the AI SDK, with its validation or by the schema', async () => {
  const plain = await prepareSchema(jsonSchema({ type: 'object', required: ['a'] }), 'it')
  expect(plain.json).toEqual({ type: 'object', required: ['a'] })
  expect(await plain.validate({})).toMatchObject({ ok: false })
  const own = jsonSchema<number>(() => Promise.resolve({ type: 'object' }), {
    validate: (value) => (value === 1 ? { success: true, value: 2 } : { success: false, error: new Error('not one') }),
  })
  const lazy = await prepareSchema(() => own, 'it')
  expect(await lazy.validate(1)).toEqual({ ok: true, value: 2 })
  expect(await lazy.validate(3)).toEqual({ ok: false, issues: [{ path: '', message: 'not one' }] })
})

test('writes paths as code does', () => {
  expect(writePath([])).toBe('')
  expect(writePath(['a', 0, 'b', 1, 2])).toBe('a[0].b[1][2]')
})

test('shows twenty issues at most', () => {
  const issues = Array.from({ length: 30 }, (_, index) => ({ path: `k${index}`, message: 'wrong' }))
  const lines = describeIssues(issues).split('\n')
  expect(lines).toHaveLength(21)
  expect(lines.at(-1)).toBe('- and 10 more')
})
