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

test.each([
  [{ requiresConfirmation: true }, { kind: 'confirmation' }, undefined],
  [{ approval: 'required' }, { kind: 'confirmation' }, 'required'],
  [{ approval: 'required', requiresConfirmation: false }, { kind: 'confirmation' }, 'required'],
  [{ requiresUserInput: true }, { kind: 'user-input', fields: undefined }, undefined],
  [{ requiresUserInput: ['a', 'a'], approval: 'audit' }, { kind: 'user-input', fields: ['a'] }, 'audit'],
  [{ run: undefined, externalExecution: true }, { kind: 'external-execution', silent: false }, undefined],
  [
    { run: undefined, externalExecution: true, externalExecutionSilent: true, approval: 'required' },
    { kind: 'external-execution', silent: true },
    'required',
  ],
  [{ requiresConfirmation: false, requiresUserInput: false, externalExecution: false }, undefined, undefined],
])('%j pauses as %j', (options, pause, approval) => {
  const made = tool(wrong(options))
  expect(made.pause).toEqual(pause)
  expect(made.approval).toBe(approval)
})

test('the compiler knows which ways to ask exclude each other, and that nothing runs elsewhere and here', () => {
  const input = z.object({ n: z.number() })
  const run = () => 1
  tool({ name: 'a', input, requiresUserInput: ['n'], run: ({ n }) => expectTypeOf(n).toEqualTypeOf<number>() })
  tool({ name: 'a', input, requiresConfirmation: true, run: ({ n }) => expectTypeOf(n).toEqualTypeOf<number>() })
  expect(tool({ name: 'a', input, externalExecution: true }).run).toBeUndefined()
  // @ts-expect-error -- one or the other
  expect(() => tool({ name: 'a', input, run, requiresConfirmation: true, requiresUserInput: true })).toThrow(TypeError)
  // @ts-expect-error -- somebody else runs it
  expect(() => tool({ name: 'a', input, run, externalExecution: true })).toThrow(TypeError)
  // @ts-expect-error -- nobody runs it
  expect(() => tool({ name: 'a', input })).toThrow('run must be a function')
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
  ['a question that is no flag', { requiresConfirmation: 1 }, 'requiresConfirmation must be true or false, got 1'],
  ['a person who fills in nothing', { requiresUserInput: [] }, 'requiresUserInput must be true, false or a list'],
  ['an argument without a name', { requiresUserInput: [7] }, 'a list of argument names, got [7]'],
  [
    'two ways to ask',
    { requiresConfirmation: true, requiresUserInput: ['a'] },
    'tool "look": requiresConfirmation and requiresUserInput exclude each other; keep one',
  ],
  [
    'a confirmation of what somebody else runs',
    { requiresConfirmation: true, externalExecution: true },
    'requiresConfirmation and externalExecution exclude each other',
  ],
  ['silence about nothing', { externalExecutionSilent: true }, 'goes with externalExecution: true'],
  [
    'a run for what somebody else runs',
    { externalExecution: true },
    'externalExecution: true means that somebody else runs it; remove run',
  ],
  ['an unknown approval', { approval: 'maybe' }, 'approval must be "required" or "audit", got "maybe"'],
  [
    'a record of no answer',
    { approval: 'audit' },
    'approval "audit" needs requiresConfirmation, requiresUserInput or externalExecution',
  ],
])('refuses %s', (_, options, message) => {
  expect(() => tool(wrong(options))).toThrow(TypeError)
  expect(() => tool(wrong(options))).toThrow(message)
})
