/**
 * What agents remember: from one session to the next, on any replica, for one user and nobody else, once whatever dies.
 * @module
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from '@agentos/wire/client'
import { describe, expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, ENGINES, HAS_POSTGRES } from './database.ts'
import { startFleet } from './fleet.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { startServer } from './server-process.ts'
import { postRun, readFrames } from './stream.ts'

/** A Python that has the client; tools/agno-client.ts installs one. */
const PYTHON = process.env['AGNO_PYTHON']
const SCRIPT = join(import.meta.dirname, 'agno', 'memory.py')
const EXAMPLES = join(import.meta.dirname, '..', 'examples', 'agents')

const AFTER_ANSWER = [
  'RunContentCompleted',
  'MemoryUpdateStarted',
  'MemoryUpdateCompleted',
  'SessionSummaryStarted',
  'SessionSummaryCompleted',
  'RunCompleted',
]
const COMPANION = agentSource(
  'companion',
  "model: 'demo:assistant', enableUserMemories: true, enableSessionSummaries: true",
)
const KEEPER = agentSource('keeper', "model: 'demo:assistant', enableAgenticMemory: true")
const HISTORIAN = agentSource('historian', "model: 'demo:assistant', searchPastSessions: true")
/** Answers by itself, and remembers with a model that a test can hold up. */
const SLOW = `import { agent, memoryManager } from '@agentos/sdk'
export default agent({
  id: 'slow', model: 'demo:assistant', enableUserMemories: true,
  memoryManager: memoryManager({ model: 'openai-compatible:fake' }),
})
`

type MetricsView = { readonly metrics: readonly { readonly name: string; readonly points: readonly unknown[] }[] }

/** Milliseconds; starting servers takes long on a busy machine. */
const PATIENCE = { timeout: 180_000 }

describe.each(ENGINES)('memory on %s', PATIENCE, (engine) => {
  test('an agent knows its user in a new session, and nobody else knows them', async () => {
    await using database = await createDatabase(engine)
    await using data = engine === 'embedded' ? await copyPreparedData() : undefined
    await using folder = await createFolder({
      'companion.ts': COMPANION,
      'keeper.ts': KEEPER,
      'historian.ts': HISTORIAN,
    })
    await using server = await startServer({ dir: folder.path, env: database.env, ...(data && { dataDir: data.path }) })
    const client = createClient({ baseUrl: server.url })
    const ask = async (message: string, user_id: string | undefined, agentId = 'companion') =>
      client.run(agentId, { message, ...(user_id !== undefined && { user_id }) })

    const first = await ask('My name is Ada and I like tea.', 'ada')
    expect(first.status).toBe('COMPLETED')
    expect(first.metrics?.details).toMatchObject({ memory_model: [{ id: 'assistant' }], session_summary_model: [{}] })
    const { data: memories } = await client.memories.list({ user_id: 'ada' })
    expect(memories).toMatchObject([{ agent_id: 'companion' }, { agent_id: 'companion' }])
    expect(memories.map(({ memory }) => memory).toSorted()).toEqual(['The user likes tea.', "The user's name is Ada."])
    expect((await ask('What is my name?', 'ada')).content).toContain('Your name is Ada, as you told me.')
    expect((await ask('What is my name?', 'bob')).content).toContain('You have not told me your name yet.')
    expect((await ask('What is my name?', undefined)).content).toContain('You have not told me your name yet.')
    const [session] = (await client.sessions.list({ user_id: 'ada', sort_order: 'asc' })).data
    expect(session?.session_summary).toMatchObject({
      summary: expect.stringContaining('My name is Ada'),
      updated_at: expect.any(String),
    })

    await ask('My name is Nobody.', undefined)
    expect((await client.memories.stats()).data.map(({ user_id }) => user_id)).toEqual(['ada'])

    await ask('Please remember that I live in Oslo.', 'bob', 'keeper')
    expect((await client.memories.list({ user_id: 'bob' })).data).toMatchObject([{ memory: 'The user lives in Oslo.' }])
    const found = await ask('Search past sessions', 'bob', 'historian')
    const past = found.tools?.find(({ tool_name }) => tool_name === 'search_past_sessions')?.result ?? ''
    expect(past).toContain('I live in Oslo')
    expect(past).not.toContain('Ada')

    await ask('Forget my name', 'ada')
    expect((await ask('What is my name?', 'ada')).content).toContain('You have not told me your name yet.')
  })

  test('the answer does not wait for the memories, and its stream tells of them', async () => {
    await using database = await createDatabase(engine)
    await using data = engine === 'embedded' ? await copyPreparedData() : undefined
    await using folder = await createFolder({ 'companion.ts': COMPANION })
    await using server = await startServer({ dir: folder.path, env: database.env, ...(data && { dataDir: data.path }) })
    const response = await postRun(server.url, 'companion', { message: 'I live in Oslo.', user_id: 'ada' })
    const seen: string[] = []
    const told: unknown[] = []
    for await (const { event, json } of readFrames(response)) {
      if (event !== seen.at(-1)) seen.push(event)
      if (json.event === 'MemoryUpdateCompleted') told.push(json.memories)
    }
    expect(told).toMatchObject([[{ memory: 'The user lives in Oslo.' }]])
    expect(seen.slice(seen.indexOf('RunContentCompleted'))).toEqual(AFTER_ANSWER)
  })
})

describe.each(ENGINES)('a memory manager that fails, on %s', PATIENCE, (engine) => {
  test('leaves the run completed, and what it missed is remembered by the next run of the user', async () => {
    await using provider = await startProvider({ record: 100 })
    await using database = await createDatabase(engine)
    await using data = engine === 'embedded' ? await copyPreparedData() : undefined
    await using folder = await createFolder({ 'slow.ts': SLOW })
    const env = { ...provider.env, ...database.env }
    await using server = await startServer({ dir: folder.path, env, ...(data && { dataDir: data.path }) })
    const client = createClient({ baseUrl: server.url })
    const say = async (user_id: string, message: string) => (await client.run('slow', { message, user_id })).status
    const memories = async () => (await client.memories.list({ user_id: 'ada' })).data.map(({ memory }) => memory)
    const requests = async () => (await provider.stats()).requests

    const args = { memory: 'The user lives in Oslo.', topics: ['home'] }
    expect(await say('ada', fake({ fail: 400, times: 1, tool: 'add_memory', args }))).toBe('COMPLETED')
    expect(await memories()).toEqual([])
    const { metrics } = (await (await fetch(`${server.url}/api/metrics`)).json()) as MetricsView
    expect(metrics.find(({ name }) => name === 'agentos.memory.missed_messages')?.points).toEqual([
      { attributes: { 'gen_ai.agent.id': 'slow', outcome: 'missed' }, value: 1 },
    ])
    expect(await say('bob', fake({ text: 'Nothing' }))).toBe('COMPLETED')
    expect(await memories()).toEqual([])
    expect(await say('ada', fake({ text: 'Nothing' }))).toBe('COMPLETED')
    expect(await memories()).toEqual(['The user lives in Oslo.'])
    const before = await requests()
    expect(await say('ada', fake({ text: 'Nothing' }))).toBe('COMPLETED')
    expect((await requests()) - before).toBe(1)
  })
})

// Without Python there is nothing to run; `npm test` reports that as skipped.
describe.skipIf(PYTHON === undefined).each(ENGINES)("Agno's client on %s", PATIENCE, (engine) => {
  test('hears of memories and summaries of runs, and reads, changes, searches, joins and deletes memories', async () => {
    await using database = await createDatabase(engine)
    await using data = engine === 'embedded' ? await copyPreparedData() : undefined
    await using server = await startServer({ dir: EXAMPLES, env: database.env, ...(data && { dataDir: data.path }) })
    const { stdout, stderr } = await promisify(execFile)(PYTHON ?? '', [SCRIPT, server.url], {
      env: { PATH: process.env['PATH'], AGNO_TELEMETRY: 'false' },
    })
    // The client logs events and fields that it does not understand, and goes on.
    expect(stderr).not.toMatch(/error|unknown event/i)
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      config: ['agentos'],
      events: AFTER_ANSWER,
      made: ["The user's name is Ada."],
      summed: true,
      summary: true,
      known: expect.stringContaining('Your name is Ada'),
      memory_tokens: true,
      created: { memory: 'Likes tea.', topics: ['drinks', 'taste'], user_id: 'ada', at: true },
      read: 'Likes tea.',
      listed: { memories: ['Likes tea.'], total: 1 },
      changed: { memory: 'Likes coffee.', topics: ['drinks', 'taste'] },
      topics: ['drinks', 'name', 'taste'],
      stats: [{ user_id: 'ada', total: 2 }],
      optimized: { before: 2, after: 1 },
      kept: 2,
      left: 0,
      missing: expect.stringContaining('404'),
    })
  })
})

describe.skipIf(!HAS_POSTGRES)('memory on two replicas', PATIENCE, () => {
  test('a run that dies between its answer and its memories has both, once, and every replica knows', async () => {
    await using fleet = await startFleet({ replicas: 2, agents: { 'slow.ts': SLOW } })
    const args = { memory: 'The user sails.', topics: ['hobbies'] }
    const message = `My name is Ada. ${fake({ id: 'sail', tool: 'add_memory', args, text: 'Noted', fault: 'hang', times: 1 })}`
    const response = await postRun(fleet.replica(0).url, 'slow', { message, user_id: 'ada' })
    let run: { agentId: string; runId: string; sessionId: string } | undefined
    const reading = (async () => {
      for await (const { event, json } of readFrames(response)) {
        if (event === 'MemoryUpdateStarted') run = { agentId: 'slow', runId: json.run_id, sessionId: json.session_id }
      }
    })().catch(() => undefined)
    const waiting = await until('the answer to be there', () => run)
    const survivor = createClient({ baseUrl: fleet.replica(1).url })
    expect((await survivor.memories.list()).data).toEqual([])
    await fleet.kill(0)
    await reading
    const ended = await waitForRest(fleet.replica(1).url, waiting)
    expect(ended).toMatchObject({ status: 'COMPLETED', content: expect.stringContaining('Ada') })
    expect(ended.messages?.map(({ role }) => role)).toEqual(['system', 'user', 'assistant'])
    expect((await survivor.memories.list()).data).toMatchObject([{ memory: 'The user sails.', user_id: 'ada' }])
    await fleet.start(0)
    const known = await createClient({ baseUrl: fleet.replica(0).url }).run('slow', {
      message: 'What do you know about me?',
      user_id: 'ada',
    })
    expect(known.content).toContain('The user sails.')
  })
})
