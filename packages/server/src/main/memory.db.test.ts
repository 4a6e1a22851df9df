import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createIds } from '../base/ids.ts'
import { createRedact } from '../base/redact.ts'
import { loadConfig } from '../config/load.ts'
import { finishRun } from '../storage/runs/finish-run.ts'
import { breakable } from '../storage/testing/breakable-database.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { newRun, runEnd, storeRun } from '../storage/testing/new-run.ts'
import { createLog } from '../telemetry/log.ts'
import { createAnswers } from './answers.ts'
import { openLentModels } from './lent-models.ts'
import { openMemory } from './memory.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())

function open(limit = 3, seen: Pick<TestDatabase, 'db'> = database) {
  const redact = createRedact([])
  const log = createLog({ level: 'error', format: 'json', redact, write: () => {} })
  const config = loadConfig({ AGENTOS_MAX_USER_MEMORIES: String(limit) })
  const ids = createIds(systemClock)
  const models = openLentModels(config, { clock: systemClock, ids, log, redact, defaultModel: 'demo:assistant' })
  const memory = openMemory(config, {
    database: { ...database, ...seen },
    clock: systemClock,
    ids,
    log,
    models,
  })
  const { answerAsk, add } = createAnswers()
  add(memory.answerers)
  return {
    ...memory,
    answerAsk,
    [Symbol.asyncDispose]: async () => {
      memory.close()
      await models.close()
    },
  }
}

const asker = (userId: string | null, sessionId = 'now') => ({ runId: 'run', sessionId, userId, agentId: 'desk' })
const add = (memoryId: string) => ({ type: 'add', memoryId, memory: `Memory ${memoryId}`, topics: [] }) as const
const ALL = { memories: 10, summary: true }

test('a run remembers and recalls for its own user, as much as there is room', async () => {
  await using memory = open()
  expect(await memory.answerAsk(asker('ada'), 'change-memories', [add('a'), add('b'), add('c'), add('d')])).toBe(3)
  const known = await memory.answerAsk(asker('ada'), 'recall', { memories: 2, summary: false })
  expect(known).toMatchObject({ room: 0, summary: null })
  expect(known.memories).toHaveLength(2)
  expect(await memory.answerAsk(asker('bob'), 'recall', ALL)).toEqual({ memories: [], room: 3, summary: null })
  expect(await memory.answerAsk(asker('bob'), 'change-memories', [{ type: 'clear' }])).toBe(0)
  expect((await memory.answerAsk(asker('ada'), 'recall', ALL)).memories).toHaveLength(3)
})

test('a run without a user remembers and finds nothing', async () => {
  await using memory = open()
  const nobody = asker(null)
  expect(await memory.answerAsk(nobody, 'change-memories', [add('x'), { type: 'clear' }])).toBe(0)
  expect((await memory.answerAsk(nobody, 'recall', ALL)).memories).toEqual([])
  expect(await memory.answerAsk(nobody, 'search-sessions', { query: null, sessions: 5, runs: 1 })).toEqual([])
  expect(await memory.answerAsk(nobody, 'read-session', { sessionId: 'now', runs: null })).toBeNull()
})

test('a run hears what its own session was about, and finds the others of its user', async () => {
  await using memory = open()
  const run = newRun({ sessionId: 'tea', userId: 'ada', input: 'Tea?' })
  await storeRun(database.db, run)
  await finishRun(database.db, runEnd(run, { summary: { summary: 'Tea.', topics: [], updatedAt: 'now' } }))
  expect(await memory.answerAsk(asker('ada', 'tea'), 'recall', ALL)).toMatchObject({ summary: 'Tea.' })
  const search = { query: 'tea', sessions: 5, runs: 1 }
  expect(await memory.answerAsk(asker('ada'), 'search-sessions', search)).toMatchObject([{ sessionId: 'tea' }])
  expect(await memory.answerAsk(asker('bob'), 'search-sessions', search)).toEqual([])
  expect(await memory.answerAsk(asker('bob'), 'read-session', { sessionId: 'tea', runs: null })).toBeNull()
})

test('insights are shared in a namespace, and those of a user are theirs alone', async () => {
  await using memory = open()
  const insight = { title: 'Tea', learning: 'Warm the pot.', context: null, tags: ['tea'] }
  const save = (user: string | null, namespace: string) =>
    memory.answerAsk(asker(user), 'save-learning', { ...insight, namespace, key: `run:${namespace}` })
  const find = (user: string | null, namespace: string) =>
    memory.answerAsk(asker(user), 'search-learnings', { namespace, query: 'pot', limit: 5 })
  expect(await save(null, 'kitchen')).toBeNull()
  expect(await save(null, 'kitchen')).toBeNull()
  expect(await find('bob', 'kitchen')).toEqual([insight])
  expect(await save('ada', 'user')).toBeNull()
  expect(await find('ada', 'user')).toEqual([insight])
  expect(await find('bob', 'user')).toEqual([])
  expect(await save(null, 'user')).toContain('not known who the user is')
  expect(await find(null, 'user')).toEqual([])
})

test('a database that is away for a moment fails no question, and a change that it made is not made twice', async () => {
  const seen = breakable(database)
  await using memory = open(10, seen)
  seen.lose()
  const recalled = memory.answerAsk(asker('eve'), 'recall', ALL)
  setTimeout(seen.mend, 300)
  expect(await recalled).toMatchObject({ memories: [], room: 10 })
  seen.loseAnswers()
  const changed = memory.answerAsk(asker('eve'), 'change-memories', [add('e')])
  setTimeout(seen.mend, 300)
  await changed
  expect((await memory.answerAsk(asker('eve'), 'recall', ALL)).memories).toHaveLength(1)
})

test('a server that stops waits for no database', async () => {
  const seen = breakable(database)
  const memory = open(10, seen)
  seen.lose()
  const recalled = memory.answerAsk(asker('eve'), 'recall', ALL)
  setTimeout(() => memory.close(), 50)
  await expect(recalled).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
})

test('memories are joined by the model that is named, or refused when there is none of that name', async () => {
  await using memory = open()
  const never = new AbortController().signal
  expect(await memory.join(['Likes tea.', 'Sails.'], undefined, never)).toMatch(/demo/)
  await expect(memory.join(['x', 'y'], 'nobody:one', never)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  await expect(memory.join(['x', 'y'], 'openai:gpt-5-mini', never)).rejects.toMatchObject({ code: 'MODEL_KEY_MISSING' })
})

test('what no memory manager could read is there for later runs of the same user and agent, until one has read it', async () => {
  await using memory = open(10)
  const { db } = database
  const end = async (input: string, given: Parameters<typeof runEnd>[1], userId = 'kim', componentId = 'desk') => {
    const run = newRun({ userId, componentId, input })
    await storeRun(db, run)
    await finishRun(db, runEnd(run, given))
    return run.runId
  }
  const missed = { memoryBacklog: { isMissed: true, madeUp: [], failed: [] } }
  const first = await end('I live in Oslo.', missed)
  const second = await end('I have a dog.', missed)
  await end('I said it well.', {})
  const foreign = await end('I am another.', missed, 'lee')
  await end('Elsewhere.', missed, 'kim', 'bar')
  const waiting = async (userId = 'kim', runId = 'run') =>
    (await memory.answerAsk({ ...asker(userId), runId }, 'missed-messages', null)).map((one) => one.runId)
  expect(await memory.answerAsk(asker('kim'), 'missed-messages', null)).toEqual([
    { runId: first, message: 'I live in Oslo.' },
    { runId: second, message: 'I have a dog.' },
  ])
  expect(await waiting('kim', first)).toEqual([second])
  expect(await memory.answerAsk(asker(null), 'missed-messages', null)).toEqual([])
  // A run of another user changes nothing.
  await end('Hm.', { memoryBacklog: { isMissed: false, madeUp: [first, foreign], failed: [second] } }, 'max')
  expect([await waiting(), await waiting('lee')]).toEqual([[first, second], [foreign]])
  await end('Well.', { memoryBacklog: { isMissed: false, madeUp: [first], failed: [second] } })
  expect(await waiting()).toEqual([second])
  const failed = { memoryBacklog: { isMissed: false, madeUp: [], failed: [second] } }
  await end('Again.', failed)
  expect(await waiting()).toEqual([second])
  await end('And again.', failed)
  expect(await waiting()).toEqual([])
})
