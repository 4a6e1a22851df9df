import { tool } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { call, say, testRun } from './test-run.ts'

const count = tool({
  name: 'count',
  input: {},
  run: (_, ctx) => void (ctx.sessionState['count'] = Number(ctx.sessionState['count'] ?? 0) + 1),
})
const look = tool({ name: 'look', input: {}, run: () => 'seen' })
const set = (n: number) => ({ set: { count: n }, unset: [] })

test('sends the state with a commit only when it has changed since the last', async () => {
  const turns = [call(['count', {}]), call(['look', {}]), call(['count', {}], ['count', {}]), say('ok')]
  const run = await testRun({ turns, agent: { tools: [count, look] } })
  expect(run.patches).toEqual([undefined, set(1), undefined, undefined, undefined, set(3)])
  expect(run.result.statePatch).toEqual(set(3))
})

test('sends what instructions have set with the first commit', async () => {
  const instructions = (ctx: { sessionState: Record<string, unknown> }) => {
    ctx.sessionState['seen'] = true
    return 'x'
  }
  const run = await testRun({ turns: [call(['look', {}]), say('ok')], agent: { instructions, tools: [look] } })
  expect(run.patches[0]).toEqual({ set: { seen: true }, unset: [] })
})

test('goes on with the state that earlier attempts have committed, and sends all changes of all attempts', async () => {
  const agent = { tools: [count] }
  const first = await testRun({ turns: [call(['count', {}]), say('ok')], agent })
  const job = {
    journal: first.commits.flat(),
    attempt: 2,
    interrupted: true,
    sessionState: { kept: 1, gone: 2 },
    statePatch: { set: { count: 1 }, unset: ['gone'] },
  }
  const second = await testRun({ turns: [call(['count', {}]), say('ok')], agent, job })
  expect(second.patches).toEqual([undefined, { set: { count: 2 }, unset: ['gone'] }])
  expect(second.result.statePatch).toEqual({ set: { count: 2 }, unset: ['gone'] })
})

test('an attempt that changes nothing more hands on what was changed before', async () => {
  const job = { attempt: 2, interrupted: true, statePatch: set(1) }
  const run = await testRun({ turns: [say('ok')], job })
  expect(run.result.statePatch).toEqual(set(1))
})
