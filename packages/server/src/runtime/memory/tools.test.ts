import { expect, test } from 'vitest'
import type { Ask } from '../../base/ask.ts'
import { call, say, testRun } from '../test-run.ts'

/** A main thread that answers what is given, and keeps what it was asked. */
function createMain(answers: Readonly<Record<string, unknown>>) {
  const asked: (readonly [kind: string, question: unknown])[] = []
  const ask = ((kind: string, question: unknown) => {
    asked.push([kind, question])
    return Object.hasOwn(answers, kind) ? Promise.resolve(answers[kind]) : Promise.reject(new Error(`no ${kind}`))
  }) as Ask
  return { ask, asked }
}

const resultOf = ({ messages }: Awaited<ReturnType<typeof testRun>>) =>
  messages.flatMap((message) => (message.role === 'tool' ? [message.content] : []))

test('search_past_sessions hands on what it finds, under names that Agno knows', async () => {
  const past = {
    sessionId: 's',
    name: 'Trip',
    createdAt: 'then',
    summary: null,
    runs: [{ user: 'Hi', assistant: 'Hello' }],
  }
  const main = createMain({ 'search-sessions': [past] })
  const run = await testRun({
    agent: { searchPastSessions: true, numPastSessionsToSearch: 7 },
    turns: [call(['search_past_sessions', {}], ['search_past_sessions', { query: ' boat ' }]), say('Found.')],
    ports: { ask: main.ask },
  })
  expect(main.asked).toEqual([
    ['search-sessions', { query: null, sessions: 7, runs: 3 }],
    ['search-sessions', { query: 'boat', sessions: 7, runs: 3 }],
  ])
  expect(JSON.parse(resultOf(run)[0] ?? '')).toEqual([
    { session_id: 's', name: 'Trip', created_at: 'then', runs: [{ user: 'Hi', assistant: 'Hello' }] },
  ])
})

test('read_past_session tells the conversation, or that there is none', async () => {
  const said = [
    { role: 'user', text: 'Hi' },
    { role: 'assistant', text: 'Hello' },
  ]
  const main = createMain({ 'read-session': { sessionId: 's', createdAt: 'then', said } })
  const options = {
    agent: { searchPastSessions: true },
    turns: [call(['read_past_session', { session_id: 's' }]), say('Read.')],
  }
  expect(resultOf(await testRun({ ...options, ports: { ask: main.ask } }))).toEqual([
    'Session: s\nCreated: then\n\nUser: Hi\n\nAssistant: Hello',
  ])
  const empty = createMain({ 'read-session': null })
  expect(resultOf(await testRun({ ...options, ports: { ask: empty.ask } }))).toEqual(['Session not found.'])
  const wrong = await testRun({
    ...options,
    turns: [call(['read_past_session', {}]), say('No.')],
    ports: { ask: main.ask },
  })
  expect(resultOf(wrong)[0]).toContain('session_id: must be a text that is not empty')
})

test('update_user_memory without a user changes nothing and says so', async () => {
  const main = createMain({})
  const run = await testRun({
    agent: { enableAgenticMemory: true },
    turns: [call(['update_user_memory', { task: 'Remember tea.' }]), say('No.')],
    ports: { ask: main.ask },
  })
  expect(resultOf(run)).toEqual(['It is not known who the user is, so nothing is remembered about them.'])
  expect(main.asked).toEqual([])
})

test('what was learned is saved under the key of the call, and found again', async () => {
  const insight = { title: 'Tea', learning: 'Warm the pot.', context: null, tags: ['tea'] }
  const main = createMain({ 'save-learning': null, 'search-learnings': [insight] })
  const run = await testRun({
    agent: { learning: { learnedKnowledge: true, namespace: 'kitchen' } },
    turns: [
      call(
        ['search_learnings', { query: 'tea', limit: 99 }],
        ['save_learning', { title: 'Tea', learning: 'Warm the pot.', tags: ['Tea', 7] }],
        ['save_learning', { title: 'x'.repeat(201), learning: 'y' }],
      ),
      say('Done.'),
    ],
    ports: { ask: main.ask },
  })
  expect(main.asked).toEqual([
    ['search-learnings', { namespace: 'kitchen', query: 'tea', limit: 20 }],
    ['save-learning', { ...insight, namespace: 'kitchen', key: 'run-1:call-2' }],
  ])
  expect(resultOf(run)).toEqual([
    JSON.stringify([insight]),
    'Kept: Tea',
    'Not kept: title has 201 characters, at most 200 are allowed.',
  ])
})

test('an agent that learns or remembers nothing has none of the tools', async () => {
  const run = await testRun({ agent: { learning: { learnedKnowledge: false } }, turns: [say('Hi.')] })
  expect(run.requests[0]?.tools).toEqual([])
})
