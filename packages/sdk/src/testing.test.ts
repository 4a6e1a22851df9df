import { expect, test } from 'vitest'
import { agent } from './agent.ts'
import { runAgent } from './testing.ts'

test('says which command provides the runtime', () => {
  expect(() => runAgent(agent({}), { message: 'x', script: [] })).toThrow('runs under `agentos test DIR`')
})
