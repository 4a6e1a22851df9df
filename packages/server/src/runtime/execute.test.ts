import { tool } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { call, say, testRun, USAGE } from './test-run.ts'

const weather = tool({
  name: 'weather',
  input: z.object({ city: z.string() }),
  effect: 'read',
  run: ({ city }) => ({ city, celsius: 4 }),
})

test('streams a plain answer in the order of the contract', async () => {
  const run = await testRun({ turns: [say('It is four degrees')], agent: { instructions: 'Be kind.' } })
  expect(run.kinds).toEqual(['run-start', 'model-start', 'content', 'model-end', 'content-end'])
  expect(run.events.filter((event) => event.type === 'content')).toHaveLength(4)
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'It is four degrees', contentType: 'str' })
  expect(run.result.error).toBeUndefined()
  expect(run.commits).toEqual([])
  expect(run.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant'])
  expect(run.result.metrics.usage).toEqual(USAGE)
})

test('streams a tool call in the order of the contract and commits the reply before the tool runs', async () => {
  const run = await testRun({ turns: [call(['weather', { city: 'Oslo' }]), say('Four.')], agent: { tools: [weather] } })
  expect(run.kinds).toEqual([
    'run-start',
    'model-start',
    'model-end',
    'tool-start',
    'tool-end',
    'model-start',
    'content',
    'model-end',
    'content-end',
  ])
  expect(run.commits.map((messages) => messages.map(({ role }) => role))).toEqual([['user', 'assistant']])
  expect(run.result.uncommitted.map(({ role }) => role)).toEqual(['tool', 'assistant'])
  expect(run.result.content).toBe('Four.')
})
