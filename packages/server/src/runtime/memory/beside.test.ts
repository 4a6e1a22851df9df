import { memoryManager } from '@agentos/sdk'
import { expect, test } from 'vitest'
import type { Ask } from '../../base/ask.ts'
import type { Memory, MemoryChange, MissedMessage } from '../../base/memory.ts'
import { textOf, type Message } from '../../base/message.ts'
import type { ModelRequest } from '../../models/model.ts'
import { call, say, testRun, type TestRunOptions, type Turn, USAGE } from '../test-run.ts'

const TEA: Memory = { memoryId: 'tea', memory: 'The user likes tea.', topics: ['drinks'] }

/** A main thread that knows one memory and one summary. */
function createPast(
  memories: readonly Memory[] = [TEA],
  summary: string | null = null,
  missed: readonly MissedMessage[] = [],
) {
  const asked: string[] = []
  const changes: MemoryChange[] = []
  const ask = ((kind: string, question: unknown) => {
    asked.push(kind)
    if (kind === 'recall') return Promise.resolve({ memories, room: 10, summary })
    if (kind === 'missed-messages') return Promise.resolve(missed)
    if (kind !== 'change-memories') return Promise.reject(new Error(`nobody answers ${kind}`))
    changes.push(...(question as MemoryChange[]))
    return Promise.resolve((question as MemoryChange[]).length)
  }) as Ask
  return { ask, asked, changes }
}

const systemOf = ({ messages }: ModelRequest) => {
  const [first] = messages
  return first?.role === 'system' ? first.content : ''
}
const isManager = (request: ModelRequest) => systemOf(request).startsWith('You keep the memory')
const isSummarizer = (request: ModelRequest) => systemOf(request).startsWith('You sum conversations')
const callsMade = ({ messages }: ModelRequest) => messages.filter(({ role }) => role === 'tool').length

/** One model for everything, as in most agents: it plays the part that its system message gives it. */
function parts(roles: { readonly answer: Turn; readonly manager?: Turn; readonly summarizer?: Turn }): readonly Turn[] {
  return [
    (request, signal) => {
      if (isManager(request)) return (roles.manager ?? say(''))(request, signal)
      if (isSummarizer(request)) return (roles.summarizer ?? say('{}'))(request, signal)
      return roles.answer(request, signal)
    },
  ]
}

const ADD: Turn = (request, signal) =>
  (callsMade(request) === 0 ? call(['add_memory', { memory: 'The user sails.', topics: ['Hobbies'] }]) : say('Noted.'))(
    request,
    signal,
  )

const run = (past: ReturnType<typeof createPast>, options: Partial<TestRunOptions> & Pick<TestRunOptions, 'turns'>) =>
  testRun({
    ...options,
    agent: { enableUserMemories: true, ...options.agent },
    job: { userId: 'ada', input: 'I like to sail.', ...options.job },
    ports: { ask: past.ask, ...options.ports },
  })

test('memories are made beside the answer and handed over with it, not before', async () => {
  const past = createPast()
  const { result, kinds, events, commits } = await run(past, { turns: parts({ answer: say('Ahoy!'), manager: ADD }) })
  expect(result).toMatchObject({ status: 'COMPLETED', content: 'Ahoy!' })
  expect(result.memoryChanges).toEqual([
    { type: 'add', memoryId: expect.any(String), memory: 'The user sails.', topics: ['hobbies'] },
  ])
  expect(kinds).toEqual('run-start model-start content model-end content-end memory-start memory-end'.split(' '))
  expect(events.at(-1)).toMatchObject({ memories: [{ memory: 'The user sails.' }] })
  // The answer is safe before the memories are waited for.
  expect(commits.flat().map(({ role }) => role)).toEqual(['system', 'user', 'assistant'])
  expect(result.uncommitted).toEqual([])
  expect(result.metrics.beside).toEqual([
    {
      purpose: 'memory_model',
      model: { provider: 'fake', id: 'one' },
      usage: expect.objectContaining({ totalTokens: 15 }),
      startedAt: expect.any(Number),
      endedAt: expect.any(Number),
    },
    expect.objectContaining({ purpose: 'memory_model', usage: expect.objectContaining({ totalTokens: 15 }) }),
  ])
  for (const { startedAt = NaN, endedAt = NaN } of result.metrics.beside ?? [])
    expect(startedAt).toBeLessThanOrEqual(endedAt)
  expect(result.metrics.usage.totalTokens).toBe(3 * USAGE.totalTokens)
})

test('the model is told what is remembered, and the manager too, with one question', async () => {
  const past = createPast()
  const { requests } = await run(past, { turns: parts({ answer: say('Ahoy!') }) })
  expect(past.asked).toEqual(['recall', 'missed-messages'])
  const [manager] = requests.filter(isManager)
  const [answer] = requests.filter((request) => !isManager(request))
  expect(answer && systemOf(answer)).toContain(
    '<memories_from_previous_interactions>\n- The user likes tea.\n</memories_from_previous_interactions>',
  )
  expect(manager && systemOf(manager)).toContain('<existing_memories>\nm1: The user likes tea.\n</existing_memories>')
  expect(manager?.tools.map(({ name }) => name)).toEqual(['add_memory', 'update_memory', 'delete_memory'])
})

test('an attempt that takes a run up after its answer asks for no other answer and shows it once', async () => {
  const turns = parts({ answer: say('Ahoy!'), manager: ADD })
  const first = await run(createPast(), { turns })
  const second = await run(createPast(), {
    turns,
    job: { journal: first.commits.flat(), interrupted: true, attempt: 2 },
  })
  expect(second.result).toMatchObject({ status: 'COMPLETED', content: 'Ahoy!' })
  expect(second.result.memoryChanges).toEqual(first.result.memoryChanges)
  expect(second.kinds).toEqual(['memory-start', 'memory-end'])
  expect(second.requests.every(isManager)).toBe(true)
})

test('without a user nothing is remembered and nothing is asked for', async () => {
  const past = createPast()
  const { result, kinds, requests } = await run(past, {
    turns: parts({ answer: say('Ahoy!'), manager: ADD }),
    job: { userId: null },
  })
  expect(result.memoryChanges).toBeUndefined()
  expect(kinds).not.toContain('memory-start')
  expect(past.asked).toEqual([])
  expect(requests.map(systemOf)).toEqual([''])
})

test('a manager that fails leaves the run as it is and is told in the log', async () => {
  const { result, log } = await run(createPast(), {
    turns: parts({
      answer: say('Ahoy!'),
      manager: () => {
        throw new TypeError('the model is ill')
      },
    }),
  })
  expect(result).toMatchObject({ status: 'COMPLETED', content: 'Ahoy!' })
  expect(result.memoryChanges).toBeUndefined()
  expect(result.memoryBacklog).toEqual({ isMissed: true, madeUp: [], failed: [] })
  expect(log).toContainEqual(
    expect.objectContaining({ level: 'warn', message: expect.stringContaining('the model is ill') }),
  )
})

const MISSED: readonly MissedMessage[] = [
  { runId: 'r1', message: 'I live in Oslo.' },
  { runId: 'r2', message: 'I have a dog.' },
]
const lastSaid = ({ messages }: ModelRequest) => {
  const last = messages.findLast(({ role }) => role === 'user')
  return last?.role === 'user' ? last.content : ''
}
const isAboutMissed = (request: ModelRequest) => lastSaid(request).includes('I live in Oslo.')

test('what a manager has missed earlier it reads once it has read what the user says now', async () => {
  const past = createPast([TEA], null, MISSED)
  const makesUp = call(['add_memory', { memory: 'The user lives in Oslo.' }], ['delete_memory', { memory_id: 'm2' }])
  const manager: Turn = (request, signal) =>
    isAboutMissed(request) && callsMade(request) === 0 ? makesUp(request, signal) : ADD(request, signal)
  const { result, requests, log } = await run(past, { turns: parts({ answer: say('Ahoy!'), manager }) })
  expect(result.memoryBacklog).toEqual({ isMissed: false, madeUp: ['r1', 'r2'], failed: [] })
  // On top of what it has decided about the message of now, which is m2.
  expect(result.memoryChanges).toEqual([expect.objectContaining({ type: 'add', memory: 'The user lives in Oslo.' })])
  const about = requests.filter(isAboutMissed)
  expect(lastSaid(about[0]!)).toMatch(/I live in Oslo\.[^]*I have a dog\./)
  expect(systemOf(about[0]!)).toContain('m2: The user sails.')
  expect(result.metrics.beside).toHaveLength(4)
  expect(log).toEqual([])
})

test('a missed message on which the manager fails again spoils nothing else', async () => {
  const manager: Turn = (request, signal) => {
    if (isAboutMissed(request)) throw new TypeError('I cannot read that')
    return ADD(request, signal)
  }
  const { result, log } = await run(createPast([TEA], null, MISSED), {
    turns: parts({ answer: say('Ahoy!'), manager }),
  })
  expect(result.memoryBacklog).toEqual({ isMissed: false, madeUp: [], failed: ['r1', 'r2'] })
  expect(result.memoryChanges).toEqual([expect.objectContaining({ type: 'add', memory: 'The user sails.' })])
  expect(log).toContainEqual(expect.objectContaining({ message: expect.stringContaining('I cannot read that') }))
})

test('a manager that fails on what the user says now is not asked about earlier messages', async () => {
  const past = createPast([TEA], null, MISSED)
  const manager: Turn = () => {
    throw new TypeError('the model is ill')
  }
  const { result } = await run(past, { turns: parts({ answer: say('Ahoy!'), manager }) })
  expect(result.memoryBacklog).toEqual({ isMissed: true, madeUp: [], failed: [] })
  expect(past.asked).toEqual(['recall'])
})

test('a manager that never ends is given up some time after the answer', async () => {
  const { result } = await run(createPast(), {
    turns: parts({ answer: say('Ahoy!'), manager: hang }),
    ports: { limits: { toolTimeoutMs: 20, toolResultBytes: 1000 } },
  })
  expect(result).toMatchObject({ status: 'COMPLETED', content: 'Ahoy!' })
})

test('a run that pauses remembers nothing yet, and stops the manager', async () => {
  const { result, log } = await run(createPast(), {
    agent: { tools: { leave: { inputSchema: { type: 'object' } } as never } },
    turns: parts({ answer: call(['leave', {}]), manager: hang }),
  })
  expect(result.status).toBe('PAUSED')
  expect(log).toEqual([])
  expect(result.memoryChanges).toBeUndefined()
})

test('a manager does only what it may', async () => {
  const { result } = await run(createPast(), {
    agent: { memoryManager: memoryManager({ addMemories: false, instructions: 'Only drinks.' }) },
    turns: parts({
      answer: say('Ahoy!'),
      manager: (request, signal) => {
        expect(systemOf(request)).toContain('<memories_to_capture>\nOnly drinks.\n</memories_to_capture>')
        const turn =
          callsMade(request) > 0
            ? say('')
            : call(['add_memory', { memory: 'No.' }], ['delete_memory', { memory_id: 'm1' }])
        return turn(request, signal)
      },
    }),
  })
  expect(result.memoryChanges).toEqual([{ type: 'delete', memoryId: 'tea' }])
})

test('a session is summed up from the summary before and what was said since', async () => {
  const past = createPast([], 'The user planned a trip.')
  const { result, kinds, requests } = await run(past, {
    agent: { enableUserMemories: false, enableSessionSummaries: true },
    turns: parts({ answer: say('Ahoy!'), summarizer: say('{"summary":"A trip by boat.","topics":["Boats"]}') }),
  })
  expect(result.summary).toEqual({ summary: 'A trip by boat.', topics: ['boats'], updatedAt: expect.any(String) })
  expect(kinds.slice(-3)).toEqual(['content-end', 'summary-start', 'summary-end'])
  const [answer, summarizer] = requests
  expect(answer && systemOf(answer)).toContain(
    '<summary_of_previous_interactions>\nThe user planned a trip.\n</summary_of_previous_interactions>',
  )
  expect(summarizer && systemOf(summarizer)).toContain('<summary_so_far>\nThe user planned a trip.\n</summary_so_far>')
  const said = summarizer?.messages
    .slice(1)
    .map((one) => (one.role === 'assistant' ? textOf(one) : 'content' in one ? one.content : ''))
  expect(said?.slice(0, 2)).toEqual(['I like to sail.', 'Ahoy!'])
})

test('a summary that is none leaves the one before', async () => {
  const { result, log } = await run(createPast([]), {
    agent: { enableUserMemories: false, enableSessionSummaries: true },
    turns: parts({ answer: say('Ahoy!'), summarizer: say('I cannot do that.') }),
  })
  expect(result.status).toBe('COMPLETED')
  expect(result.summary).toBeUndefined()
  expect(log.map(({ level }) => level)).toEqual(['warn'])
})

test('a model that manages memories itself changes them at once, and is watched by nobody', async () => {
  const past = createPast()
  const { result, kinds, requests } = await run(past, {
    agent: { enableAgenticMemory: true },
    turns: parts({
      answer: (request, signal) =>
        (callsMade(request) === 0 ? call(['update_user_memory', { task: 'The user sails.' }]) : say('I will.'))(
          request,
          signal,
        ),
      manager: ADD,
    }),
  })
  expect(past.changes).toEqual([
    { type: 'add', memoryId: expect.any(String), memory: 'The user sails.', topics: ['hobbies'] },
  ])
  expect(kinds).not.toContain('memory-start')
  expect(result.memoryChanges).toBeUndefined()
  expect(systemOf(requests[0] as ModelRequest)).toContain('<updating_user_memories>')
  expect(result.metrics.beside?.map(({ purpose }) => purpose)).toEqual(['memory_model', 'memory_model'])
})

test('wherever an attempt dies, the next one ends with one answer and the same memories', async () => {
  const turns = parts({ answer: say('Ahoy!'), manager: ADD, summarizer: say('{"summary":"Sailing.","topics":[]}') })
  const options = { agent: { enableSessionSummaries: true }, turns }
  const whole = await run(createPast(), options)
  const summary = expect.objectContaining({ summary: 'Sailing.' }) as unknown
  let answered = 0
  for (let points = 0; ; points++) {
    const { journal, isDead } = await dieAfter(points, options)
    if (!isDead) break
    const next = await run(createPast(), { ...options, job: { journal, interrupted: true, attempt: 2 } })
    expect(next.result).toMatchObject({ status: 'COMPLETED', content: 'Ahoy!', summary })
    expect(next.result.memoryChanges).toEqual(whole.result.memoryChanges)
    const roles = [...journal, ...next.messages].map(({ role }) => role)
    expect(roles).toEqual(['system', 'user', 'assistant'])
    // Once it is committed, the answer is neither asked for nor shown again.
    const isAnswered = journal.length > 0
    answered += isAnswered ? 1 : 0
    expect(next.kinds.includes('content')).toBe(!isAnswered)
  }
  expect(answered).toBeGreaterThan(3)
})

/** An attempt of which nothing counts after `points` events and commits. */
async function dieAfter(points: number, options: Parameters<typeof run>[1]) {
  const life = new AbortController()
  const journal: Message[] = []
  let left = points
  const pass = () => {
    if (left-- <= 0) life.abort(new Error('the replica died'))
    life.signal.throwIfAborted()
  }
  const commit = async (messages: readonly Message[]) => {
    pass()
    journal.push(...messages)
    await Promise.resolve()
    pass()
  }
  const emit = () => {
    if (left-- <= 0) life.abort(new Error('the replica died'))
  }
  await run(createPast(), { ...options, ports: { commit, emit, signal: life.signal } })
  return { journal, isDead: life.signal.aborted }
}

async function* hang(_request: ModelRequest, signal: AbortSignal) {
  await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  yield { type: 'finish', usage: USAGE, reason: 'stop' } as const
}
