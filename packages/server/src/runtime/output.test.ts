import { tool } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseOutput, prepareOutput, prepareRequestedOutput } from './output.ts'
import { call, say, testRun } from './test-run.ts'

const forecast = z.object({ city: z.string(), celsius: z.number() }).meta({ title: 'Forecast' })
const fits = '{"city":"Oslo","celsius":4}'
const misfits = '{"city":"Oslo","celsius":"four"}'

test('asks the model for the schema and gives the object under its title', async () => {
  const run = await testRun({ turns: [say(fits)], agent: { outputSchema: forecast } })
  expect(run.requests[0]?.output).toMatchObject({ name: 'Forecast', schema: { type: 'object', title: 'Forecast' } })
  expect(run.result).toMatchObject({
    status: 'COMPLETED',
    content: { city: 'Oslo', celsius: 4 },
    contentType: 'Forecast',
  })
})

test('shows a structured answer once, when it is known to fit', async () => {
  const run = await testRun({
    turns: [say(misfits), say('```json\n' + fits + '\n```')],
    agent: { outputSchema: forecast },
  })
  expect(run.events.filter((event) => event.type === 'content').map(({ text }) => text)).toEqual([fits])
  expect(run.kinds).toEqual([
    'run-start',
    'model-start',
    'model-end',
    'model-start',
    'model-end',
    'content',
    'content-end',
  ])
})

test('gives the model one turn to mend its answer, and tells it what is wrong', async () => {
  const run = await testRun({ turns: [say(misfits), say(fits)], agent: { outputSchema: forecast } })
  expect(run.result.content).toEqual({ city: 'Oslo', celsius: 4 })
  const correction = run.requests[1]?.messages.at(-1)
  expect(correction).toMatchObject({
    role: 'user',
    content: expect.stringContaining('- celsius: Invalid input: expected number'),
  })
})

test.each([
  ['does not fit twice', misfits, '- celsius: Invalid input: expected number, received string'],
  ['is no JSON', 'Four degrees.', '- the answer is not JSON'],
  ['is empty', '', '- the answer is not JSON'],
])('fails when the answer %s', async (_, answer, reason) => {
  const run = await testRun({ turns: [say(answer)], agent: { outputSchema: forecast } })
  expect(run.requests).toHaveLength(2)
  expect(run.result.error).toEqual({
    code: 'OUTPUT_INVALID',
    message: `The answer of agent "desk" does not fit Forecast:\n${reason}`,
  })
  expect(run.requests[1]?.messages.every((one) => one.role !== 'assistant' || one.parts.length > 0)).toBe(true)
})

test('says what is wrong instead of naming the step limit when no step is left to mend it', async () => {
  const run = await testRun({ turns: [say(misfits)], agent: { outputSchema: forecast, maxSteps: 1 } })
  expect(run.result.error?.code).toBe('OUTPUT_INVALID')
})

test('a schema of the caller wins over that of the agent', async () => {
  const outputSchema = { title: 'My answer!', type: 'object', required: ['yes'] }
  const run = await testRun({
    turns: [say('{"yes":true}')],
    agent: { outputSchema: forecast },
    job: { request: { outputSchema } },
  })
  expect(run.requests[0]?.output).toEqual({ name: 'My_answer_', schema: outputSchema })
  expect(run.result).toMatchObject({ content: { yes: true }, contentType: 'My_answer_' })
})

test('refuses a schema of the caller that is none', async () => {
  const run = await testRun({ turns: [say('never')], job: { request: { outputSchema: { type: 'nothing' } } } })
  expect(run.result.error).toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringContaining('output_schema') })
})

test('runs no regular expression of a caller, as it could hold up the worker for good', async () => {
  const output = await prepareRequestedOutput({
    properties: { a: { pattern: '^x' } },
    patternProperties: { '^b': false },
  })
  expect(await parseOutput('{"a":"y","b":1}', output)).toMatchObject({ ok: true })
})

test('tools run before a structured answer', async () => {
  const look = tool({ name: 'look', input: {}, effect: 'read', run: () => 4 })
  const run = await testRun({
    turns: [call(['look', {}]), say(fits)],
    agent: { outputSchema: forecast, tools: [look] },
  })
  expect(run.result.content).toEqual({ city: 'Oslo', celsius: 4 })
})

test('yields what the schema makes of the answer, as long as that is JSON', async () => {
  const upper = await prepareOutput(z.object({ a: z.string().transform((text) => text.toUpperCase()) }), 'it')
  expect(await parseOutput('{"a":"x"}', upper)).toEqual({ ok: true, content: { a: 'X' } })
  const date = await prepareOutput(z.object({ a: z.string().transform((text) => new Date(text)) }), 'it')
  expect(await parseOutput('{"a":"2026-11-23"}', date)).toEqual({ ok: true, content: { a: '2026-11-23' } })
})

test('has a name of its own where the schema has no title', async () => {
  expect((await prepareOutput({ type: 'object' }, 'it')).name).toBe('OutputSchema')
  expect((await prepareOutput({ type: 'object', title: '' }, 'it')).name).toBe('OutputSchema')
})
