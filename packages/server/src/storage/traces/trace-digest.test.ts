import { expect, test } from 'vitest'
import { newSpan, newTrace, newTraceId } from '../testing/new-span.ts'
import { digestTraces } from './trace-digest.ts'

const traceId = newTraceId()
const run = { runId: 'r', sessionId: 's', userId: 'ada', agentId: 'assistant' }

test('takes names, ids and input of the run that began first, output and error of the one that ended last', () => {
  const first = newSpan({
    traceId,
    run,
    startMs: 1000,
    endMs: 2000,
    error: 'replica lost',
    attributes: { 'input.value': 'hi', 'output.value': 'half' },
  })
  const second = newSpan({
    traceId,
    run: { ...run, runId: 'member', userId: null },
    name: 'Member.run',
    startMs: 1500,
    endMs: 3000,
    attributes: { 'input.value': 'go on', 'output.value': 'all' },
  })
  expect(digestTraces([second, first])).toEqual([
    {
      trace_id: traceId,
      name: 'Assistant.run',
      start_ms: 1000,
      end_ms: 3000,
      context_ms: 1000,
      result_ms: 3000,
      run_id: 'r',
      session_id: 's',
      user_id: 'ada',
      agent_id: 'assistant',
      team_id: null,
      workflow_id: null,
      input: 'hi',
      output: 'all',
      error: null,
    },
  ])
})

test('of two runs that begin together the longer one is the whole', () => {
  const member = newSpan({ traceId, startMs: 5, endMs: 10, name: 'Member.run' })
  const team = newSpan({ traceId, startMs: 5, endMs: 20, name: 'Team.run', attributes: { 'agno.team.id': 'team' } })
  const [digest] = digestTraces([member, team])
  expect(digest).toMatchObject({ name: 'Team.run', team_id: 'team', agent_id: null })
  expect(digestTraces([team, member])).toEqual([digest])
})

test('says nothing of runs when the batch has none, and orders traces by id', () => {
  const [llm] = newTrace({ traceId: 'b'.repeat(32), startMs: 0 })
  const digests = digestTraces([llm!, newSpan({ traceId: 'a'.repeat(32) })])
  expect(digests.map(({ trace_id }) => trace_id[0])).toEqual(['a', 'b'])
  const nothing = { context_ms: null, result_ms: null, run_id: null, session_id: null, input: null, output: null }
  expect(digests[1]).toMatchObject({ name: 'fake-1', start_ms: 10, end_ms: 200, ...nothing })
})

test('cuts long previews between characters', () => {
  const [digest] = digestTraces([
    newSpan({ attributes: { 'input.value': `${'x'.repeat(999)}😀tail`, 'output.value': 7 } }),
  ])
  expect(digest?.input).toBe(`${'x'.repeat(999)}…`)
  expect(digest?.output).toBeNull()
  const [kept] = digestTraces([newSpan({ error: 'y'.repeat(1000) })])
  expect(kept?.error).toBe('y'.repeat(1000))
})

test('a trace never ends before it began, although the clock of a replica was put back', () => {
  const [digest] = digestTraces([newSpan({ startMs: 5000, endMs: 3000 })])
  expect(digest).toMatchObject({ start_ms: 5000, end_ms: 5000 })
})

test('what a member of a team says is not what the whole said, however late it ends', () => {
  const team = newSpan({ endMs: 2_000, startMs: 1_000, attributes: { 'output.value': 'of the team' } })
  const member = newSpan({
    traceId: team.traceId,
    parentSpanId: team.spanId,
    startMs: 1_100,
    endMs: 2_000,
    error: 'stopped',
    attributes: { 'output.value': 'of the member', 'agentos.run.parent_id': 'team' },
  })
  expect(digestTraces([team, member])).toMatchObject([{ output: 'of the team', error: null, result_ms: 2_000 }])
  expect(digestTraces([member])).toMatchObject([{ output: null, result_ms: null }])
})
