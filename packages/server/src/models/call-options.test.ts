import { describe, expect, test } from 'vitest'
import { isStrict, toCallOptions } from './call-options.ts'
import type { ModelRequest } from './model.ts'

const signal = new AbortController().signal
const request: ModelRequest = { messages: [], tools: [], toolChoice: 'auto', output: undefined, settings: {} }
const closed = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
const open = { ...closed, required: [] }
const TOOL = { name: 't', description: '', parameters: closed }

describe('call options', () => {
  test('carry only what the request has', () => {
    expect(
      toCallOptions({ ...request, settings: { temperature: 0, topK: undefined as never } }, 'openai', {}, signal),
    ).toEqual({
      prompt: [],
      abortSignal: signal,
      temperature: 0,
    })
  })

  test('name tools and the choice among them', () => {
    const tools = [TOOL, { ...TOOL, name: 'u', description: 'Does u' }]
    expect(toCallOptions({ ...request, tools, toolChoice: { tool: 'u' } }, 'openai', {}, signal)).toMatchObject({
      tools: [
        { type: 'function', name: 't', inputSchema: closed },
        { type: 'function', name: 'u', description: 'Does u' },
      ],
      toolChoice: { type: 'tool', toolName: 'u' },
    })
    expect(toCallOptions({ ...request, toolChoice: 'required' }, 'openai', {}, signal)).not.toHaveProperty('toolChoice')
  })

  test('ask strict providers to be lenient with an open schema only', () => {
    const output = { name: 'x', schema: open }
    expect(toCallOptions({ ...request, output }, 'openai', {}, signal).providerOptions).toEqual({
      openai: { strictJsonSchema: false },
    })
    expect(toCallOptions({ ...request, output }, 'azure', {}, signal).providerOptions).toEqual({
      openai: { strictJsonSchema: false },
    })
    expect(toCallOptions({ ...request, output }, 'anthropic', {}, signal)).not.toHaveProperty('providerOptions')
    const strict = { name: 'x', schema: closed }
    expect(toCallOptions({ ...request, output: strict }, 'openai', {}, signal)).not.toHaveProperty('providerOptions')
  })

  test("let the author's provider options win over ours", () => {
    const settings = { providerOptions: { openai: { store: true, user: 'u' }, other: { x: 1 } } }
    expect(
      toCallOptions({ ...request, settings }, 'openai', { openai: { store: false, a: 1 } }, signal).providerOptions,
    ).toEqual({
      openai: { store: true, user: 'u', a: 1 },
      other: { x: 1 },
    })
  })

  test.each([
    [closed, true],
    [open, false],
    [{ ...closed, additionalProperties: undefined as never }, false],
    [{ type: 'array', items: open }, false],
    [{ anyOf: [closed, { type: 'null' }] }, true],
    [{ ...closed, $defs: { x: open } }, false],
    [{ type: 'string', enum: ['object'] }, true],
    [{ ...closed, properties: { a: { type: 'string', default: { properties: 1 } } } }, true],
    [{ type: 'object', additionalProperties: { type: 'string' } }, false],
  ])('the schema %j is strict: %s', (schema, strict) => {
    expect(isStrict(schema)).toBe(strict)
  })
})
