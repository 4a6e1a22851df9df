import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import type { ToolContext } from './context.ts'
import { isDefinition } from './definition.ts'
import { isStandardSchema, type Infer, type JsonSchema, type StandardSchema } from './schema.ts'
import { tool, type Tool, type ToolOptions } from './tool.ts'

// What an author without TypeScript may hand over.
const wrong = (options: Record<string, unknown>) =>
  ({ name: 'look', input: {}, run: () => 1, ...options }) as ToolOptions<JsonSchema>

/** As valibot types its schemas: input and output apart, an own `type` and `async` beside the standard. */
type ValibotLike<Input, Output> = {
  readonly kind: 'schema'
  readonly type: string
  readonly async: false
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'valibot'
    readonly validate: (
      value: unknown,
    ) => { readonly value: Output } | { readonly issues: readonly { readonly message: string }[] }
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}
const valibotLike: ValibotLike<{ n?: string }, { n: number }> = {
  kind: 'schema',
  type: 'object',
  async: false,
  '~standard': { version: 1, vendor: 'valibot', validate: () => ({ value: { n: 1 } }) },
}

test('fills in what is left out and freezes the tool', () => {
  const look = tool({ name: 'look', input: {}, run: () => 1 })
  expect(look).toMatchObject({ kind: 'tool', name: 'look', description: '', effect: 'once', stopAfterToolCall: false })
  expect(look.timeoutMs).toBeUndefined()
  expect(isDefinition(look, 'tool')).toBe(true)
  expect(Object.isFrozen(look)).toBe(true)
  expectTypeOf(look).toEqualTypeOf<Tool>()
})

test('gives run the output of a zod schema', () => {
  tool({
    name: 'order',
    input: z.object({ sku: z.string(), count: z.coerce.number().default(1), unit: z.enum(['C', 'F']).optional() }),
    run: (input, ctx) => {
      expectTypeOf(input).toEqualTypeOf<{ sku: string; count: number; unit?: 'C' | 'F' | undefined }>()
      expectTypeOf(ctx).toEqualTypeOf<ToolContext>()
      expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>()
    },
  })
  expectTypeOf<Infer<z.ZodNumber>>().toEqualTypeOf<number>()
})

test('gives run the output of any Standard Schema', () => {
  tool({ name: 'order', input: valibotLike, run: (input) => expectTypeOf(input).toEqualTypeOf<{ n: number }>() })
  expectTypeOf<Infer<StandardSchema<string, Date>>>().toEqualTypeOf<Date>()
  expect(isStandardSchema(valibotLike)).toBe(true)
})

test('gives run an open record for JSON Schema', () => {
  tool({
    name: 'order',
    input: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] },
    run: (input) => expectTypeOf(input).toEqualTypeOf<Record<string, unknown>>(),
  })
})

test('tells a schema that validates itself from one that does not', () => {
  expect(isStandardSchema(Object.assign(() => {}, valibotLike))).toBe(true)
  for (const schema of [{ type: 'object' }, { '~standard': null }, null, undefined, 'x']) {
    expect(isStandardSchema(schema)).toBe(false)
  }
})

test('an unknown option is a mistake for the compiler too', () => {
  // @ts-expect-error -- the compiler names the option that it should have been
  expect(() => tool({ name: 'look', input: {}, run: () => 1, descripton: 'x' })).toThrow('did you mean "description"?')
})

test.each<[string, Record<string, unknown>, string]>([
  [
    'Agno spelling',
    { stop_after_tool_call: true },
    'tool() has no option "stop_after_tool_call"; did you mean "stopAfterToolCall"?',
  ],
  [
    'a name that providers refuse',
    { name: 'look up' },
    'name must be 1 to 64 letters, digits, "_" or "-", got "look up"',
  ],
  ['a name that is no text', { name: 1n }, 'got 1n'],
  ['no function', { run: 'x' }, 'tool "look": run must be a function'],
  ['no schema', { input: undefined }, 'tool "look": input must be a schema'],
  ['an unknown effect', { effect: 'twice' }, 'effect must be one of read, idempotent, keyed, once, got "twice"'],
  ['a timeout of zero', { timeoutMs: 0 }, 'timeoutMs must be a whole number from 1 to 86400000, got 0'],
  ['a description that is no text', { description: 7 }, 'description must be text, got 7'],
  ['a flag that is none', { stopAfterToolCall: 'yes' }, 'stopAfterToolCall must be true or false, got "yes"'],
])('refuses %s', (_, options, message) => {
  expect(() => tool(wrong(options))).toThrow(TypeError)
  expect(() => tool(wrong(options))).toThrow(message)
})
