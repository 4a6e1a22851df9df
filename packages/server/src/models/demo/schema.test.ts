import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../base/json.ts'
import { fillArguments } from './arguments.ts'
import { exampleOf } from './example.ts'
import { synthesize } from './pattern.ts'
import { structuredAnswer } from './structured.ts'

const ajv = new Ajv2020({ strict: false })
ajv.addFormat('email', /^[^@\s]+@[^@\s]+\.[^@\s]+$/)
ajv.addFormat('date', /^\d{4}-\d{2}-\d{2}$/)
ajv.addFormat('date-time', (text: string) => !Number.isNaN(Date.parse(text)))
ajv.addFormat('uuid', /^[\da-f-]{36}$/i)
ajv.addFormat('uri', (text: string) => URL.canParse(text))

function problems(schema: JsonObject, value: unknown): string {
  const validate = ajv.compile(schema)
  return validate(value) ? '' : `${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`
}

const leaf = fc.oneof(
  fc
    .record({ minLength: fc.nat(20), more: fc.nat(20) })
    .map(({ minLength, more }): JsonObject => ({ type: 'string', minLength, maxLength: minLength + more })),
  fc
    .constantFrom('email', 'date', 'date-time', 'uuid', 'uri')
    .map((format): JsonObject => ({ type: 'string', format })),
  fc
    .constantFrom('^[A-Z]{3}-\\d{4}$', '^(on|off)$', '^a+b*c?$', '^\\w+@\\w+$', '^[^x]{2}$')
    .map((pattern): JsonObject => ({ type: 'string', pattern })),
  fc
    .record({ minimum: fc.integer({ min: -50, max: 50 }), more: fc.nat(50) })
    .map(({ minimum, more }): JsonObject => ({ type: 'integer', minimum, maximum: minimum + more })),
  fc.integer({ min: -50, max: 50 }).map((exclusiveMinimum): JsonObject => ({
    type: 'number',
    exclusiveMinimum,
    exclusiveMaximum: exclusiveMinimum + 2,
  })),
  fc.constantFrom(2, 5, 10).map((multipleOf): JsonObject => ({ type: 'integer', multipleOf, minimum: 1 })),
  fc.constantFrom<JsonObject>(
    { type: 'boolean' },
    { type: 'null' },
    {},
    { const: 'x' },
    { enum: ['red', 'blue', 3] },
    { type: ['string', 'null'] },
    { type: 'string', default: 'd' },
  ),
)
const { schema: anySchema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc
      .record({ items: tie('schema'), minItems: fc.nat(3) })
      .map(({ items, minItems }): JsonObject => ({ type: 'array', items, minItems, maxItems: minItems + 1 })),
    fc.tuple(tie('schema'), tie('schema')).map(([a, b]): JsonObject => ({ anyOf: [a, b] })),
    tie('schema').map((inner): JsonObject => ({ allOf: [inner], description: 'd' })),
    object(tie('schema')),
  ),
}))
function object(property: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> {
  const names = fc.constantFrom('city', 'note', 'count', 'summary', 'orderId', 'tags', 'isOpen', 'answer', 'date', 'to')
  return fc.tuple(fc.dictionary(names, property, { maxKeys: 5 }), fc.boolean()).map(([properties, all]) => ({
    type: 'object',
    properties,
    required: Object.keys(properties).filter((_, index) => all || index % 2 === 0),
    additionalProperties: false,
  }))
}
const words = fc
  .array(
    fc.constantFrom(
      'weather',
      'in',
      'Oslo',
      '12',
      'the',
      '"quoted words"',
      '#A-17',
      'red',
      'not',
      'open',
      'me@example.com',
      '?',
    ),
    { maxLength: 8 },
  )
  .map((list) => list.join(' '))

describe('values for schemas', () => {
  test('an example fits its schema', () => {
    fc.assert(
      fc.property(anySchema, fc.string(), (schema, text) => {
        expect(problems(schema, exampleOf(schema, schema, text))).toBe('')
      }),
      { numRuns: 400 },
    )
  })

  test('arguments fit the schema of their tool, whatever is said', () => {
    fc.assert(
      fc.property(object(anySchema), words, (schema, message) => {
        expect(problems(schema, fillArguments(schema, message, [], 'tool').input)).toBe('')
      }),
      { numRuns: 400 },
    )
  })

  test('a structured answer fits its schema, whatever the tools found', () => {
    const found = fc.dictionary(
      fc.constantFrom('city', 'note', 'count', 'summary', 'answer'),
      fc.oneof(fc.string(), fc.integer(), fc.boolean()),
    )
    fc.assert(
      fc.property(object(anySchema), words, found, (schema, message, values) => {
        const result = {
          id: 't',
          createdAt: 0,
          role: 'tool',
          toolCallId: 'c',
          toolName: 't',
          input: values,
          content: JSON.stringify(values),
          isError: false,
          durationMs: 1,
        } as const
        expect(problems(schema, structuredAnswer(schema, message, [result], 'It is done.'))).toBe('')
      }),
      { numRuns: 400 },
    )
  })

  test('what zod writes down can be read', () => {
    const type = z.object({
      id: z.uuid(),
      email: z.email(),
      when: z.iso.datetime(),
      kind: z.enum(['a', 'b']),
      amount: z.number().positive().max(10),
      tags: z.array(z.string().min(2)).min(2),
      nested: z.object({ maybe: z.string().optional(), either: z.union([z.number(), z.string()]) }),
      nothing: z.null(),
      literal: z.literal('x'),
      record: z.record(z.string(), z.number()),
      pair: z.tuple([z.string(), z.number()]),
    })
    const schema = z.toJSONSchema(type) as JsonObject
    expect(type.safeParse(structuredAnswer(schema, 'Hello', [], 'It is done.')).error).toBeUndefined()
  })

  test('references and recursion are followed to an end', () => {
    const schema: JsonObject = {
      type: 'object',
      properties: { root: { $ref: '#/$defs/node' } },
      required: ['root'],
      $defs: {
        node: {
          type: 'object',
          properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
          required: ['name', 'children'],
        },
      },
    }
    expect(problems(schema, exampleOf(schema, schema, 'x'))).toBe('')
    const loop: JsonObject = { $ref: '#' }
    expect(exampleOf(loop, loop, 'x')).toBe('x')
  })

  test.each([
    '^abc$',
    '[a-z]+',
    '^\\d{3}-\\d{2}$',
    '(foo|bar)baz',
    '^(?:x){2,}$',
    '^[^a]$',
    '^\\+?[1-9]\\d{1,14}$',
    '^#[0-9A-Fa-f]{6}$',
  ])('a text for the pattern %s matches it', (pattern) => {
    expect(synthesize(pattern)).toMatch(new RegExp(pattern))
  })

  test('no pattern makes it run for long', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('(', ')', '[', ']', '|', '\\', '?', '*', '{', '}', '9', '^', 'a') }),
        (pattern) => {
          expect(synthesize(pattern)).toBeTypeOf('string')
        },
      ),
    )
  })
})
