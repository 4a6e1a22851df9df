/**
 * Agno's own Python client uses this server for everything that its users do with agents and sessions.
 * @module
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createDatabase, ENGINES } from './database.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startServer } from './server-process.ts'

/** A Python that has the client; tools/agno-client.ts installs one. */
const PYTHON = process.env['AGNO_PYTHON']
const EXAMPLES = join(import.meta.dirname, '..', 'examples', 'agents')
const SCRIPT = join(import.meta.dirname, 'agno', 'client.py')
const RUN_EVENTS = words(
  'RunStarted ModelRequestStarted ModelRequestCompleted ToolCallStarted ToolCallCompleted ' +
    'ModelRequestStarted RunContent ModelRequestCompleted RunContentCompleted RunCompleted',
)

// Without Python there is nothing to run; `npm test` reports that as skipped.
describe.skipIf(PYTHON === undefined).each(ENGINES)('AgentOSClient on %s', (engine) => {
  test('reads the configuration, runs agents, answers what they wait for, and manages sessions', async () => {
    await using database = await createDatabase(engine)
    await using data = await copyPreparedData()
    await using server = await startServer({ dir: EXAMPLES, env: database.env, dataDir: data.path })
    const { stdout, stderr } = await promisify(execFile)(PYTHON ?? '', [SCRIPT, server.url], {
      env: { PATH: process.env['PATH'], AGNO_TELEMETRY: 'false' },
    })
    // The client logs events and fields that it does not understand, and goes on.
    expect(stderr).not.toMatch(/error|unknown event/i)
    const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, Record<string, unknown>>
    const agents = ['assistant', 'companion', 'feedback', 'handbook', 'notebook', 'refunds']
    expect(seen['config']).toMatchObject({ os_id: 'agentos', agents, sync_os_id: 'agentos' })
    expect(seen['config']?.['session_dbs']).toHaveLength(1)
    expect(seen['agents']).toEqual(agents)
    expect(seen['agent']).toMatchObject({ id: 'assistant', name: 'Assistant', sync_id: 'assistant' })
    expect(seen['agent']?.['tools']).toContain('get_weather')
    expect(seen['run']).toMatchObject({
      status: 'COMPLETED',
      content: expect.stringMatching(/demo/i),
      tools: ['get_weather'],
      roles: ['system', 'user', 'assistant', 'tool', 'assistant'],
      total_tokens: expect.any(Number),
    })
    const { events, text, final, same_session } = seen['stream'] ?? {}
    expect((events as string[]).filter((event, index, all) => event !== all[index - 1])).toEqual(RUN_EVENTS)
    expect(text).toBe(final)
    expect(same_session).toBe(true)
    expect(seen['approved']).toMatchObject({
      paused: 'PAUSED',
      content: 'I have tools to execute, but I need confirmation.',
      needed: true,
      tool: 'refund_order',
      status: 'COMPLETED',
      same_run: true,
      confirmed: true,
      result: expect.stringContaining('54.90 EUR'),
      error: false,
      left: 0,
    })
    expect(seen['rejected']).toMatchObject({
      status: 'COMPLETED',
      confirmed: false,
      result: expect.stringContaining('used for a year'),
      left: 0,
    })
    expect(seen['streamed_approval']).toMatchObject({ paused: 'RunPaused', is_paused: true })
    expect(seen['streamed_approval']?.['events']).toEqual(
      expect.arrayContaining([...words('RunContinued ToolCallStarted ToolCallCompleted RunContent RunCompleted')]),
    )
    expect(seen['queue']).toEqual({ accepted: 'PENDING', status: 'COMPLETED', input: expect.stringContaining('Oslo') })
    expect(seen['created']).toEqual({ id: 'from-agno', name: 'First name', state: { colour: 'blue' } })
    expect(seen['list']?.['ids']).toEqual(seen['list']?.['expected'])
    expect(seen['list']?.['total']).toBe(2)
    expect(seen['get']?.['history']).toEqual(expect.arrayContaining(['user', 'assistant']))
    expect(seen['runs']).toMatchObject({ first_is_ours: true, statuses: ['COMPLETED', 'COMPLETED'] })
    expect(seen['one_run']).toBe(true)
    expect(seen['renamed']).toBe('Second name')
    expect(seen['updated']).toEqual({ state: { colour: 'red' }, metadata: { team: 'ops' }, name: 'Second name' })
    expect(seen['usage']).toEqual({
      days: 1,
      runs: expect.any(Number),
      users: expect.any(Number),
      tokens: expect.any(Number),
      models: ['demo'],
      refreshed: true,
      started: 'started',
      status: expect.stringMatching(/running|completed/),
      other_days: 0,
    })
    expect(seen['usage']?.['runs']).toBeGreaterThan(3)
    expect(seen['usage']?.['tokens']).toBeGreaterThan(10)
    expect(seen['left']).toBe(0)
  })
})

function words(text: string): readonly string[] {
  return text.split(' ')
}
