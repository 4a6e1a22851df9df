/**
 * What somebody meets who has just started the server: the example agents on the demo model, on both engines.
 * @module
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './condition.ts'
import { createDatabase, ENGINES, type TestDatabase } from './database.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { eventOf, postRun, streamRun, textOf } from './stream.ts'

const EXAMPLES = join(import.meta.dirname, '..', 'examples', 'agents')
const WEATHER = 'What is the weather in Oslo?'
const BASE = ['created_at', 'event', 'agent_id', 'agent_name', 'run_id', 'session_id', 'nested_depth']
const TOOL_KEYS = words(
  'tool_call_id tool_name tool_args tool_call_error result metrics child_run_id ' +
    'stop_after_tool_call created_at requires_confirmation confirmed confirmation_note ' +
    'requires_user_input user_input_schema user_feedback_schema answered external_execution_required ' +
    'external_execution_silent approval_type approval_id parent_tool_call_id',
)

describe.each(ENGINES)('on %s', (engine) => {
  let database: TestDatabase
  let server: ServerProcess
  beforeAll(async () => {
    database = await createDatabase(engine)
    server = await startServer({ dir: EXAMPLES, env: database.env })
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
  })

  test('prints the address, the agents, the docs and a curl that answers with a tool', async () => {
    // The server answers a moment before it says so.
    await until('the greeting', () => server.output().includes('curl '))
    const output = server.output()
    expect(output).toContain(server.url)
    expect(output).toContain('assistant')
    expect(output).toContain(`${server.url}/docs`)
    const curl = output.split('\n').find((line) => line.includes('curl '))
    expect(curl).toContain(`/agents/assistant/runs`)
    const { stdout } = await promisify(execFile)('sh', ['-c', (curl ?? '').replace('curl ', 'curl -sS ')])
    expect(stdout).toContain('event: ToolCallCompleted\n')
    expect(stdout).toContain('event: RunCompleted\n')
  })

  test('streams the events of a run with a tool in the order and with the keys of the contract', async () => {
    const response = await postRun(server.url, 'assistant', { message: WEATHER, session_id: '' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const body = await response.text()
    for (const frame of body.split('\n\n').filter((part) => part !== '' && !part.startsWith(':'))) {
      expect(frame).toMatch(/^(id: \S+\n)?event: [A-Za-z]+\n(id: \S+\n)?data: \{"created_at":\d{10},"event":"[^\n]+\}$/)
    }

    const frames = await streamRun(server.url, 'assistant', { message: WEATHER })
    const names = frames.map(({ event }) => event).filter((event, index, all) => event !== all[index - 1])
    expect(names).toEqual(
      words(
        'RunStarted ModelRequestStarted ModelRequestCompleted ToolCallStarted ToolCallCompleted ' +
          'ModelRequestStarted RunContent ModelRequestCompleted RunContentCompleted RunCompleted',
      ),
    )
    for (const { event, json } of frames) {
      expect(json.event).toBe(event)
      expect(Object.values(json)).not.toContain(null)
    }
    const keys = Object.fromEntries(frames.map(({ event, json }) => [event, Object.keys(json)]))
    expect(keys['RunStarted']).toEqual([...BASE, 'model', 'model_provider'])
    expect(keys['RunContent']).toEqual([...BASE, 'content', 'workflow_agent', 'content_type', 'reasoning_content'])
    expect(keys['RunContentCompleted']).toEqual(BASE)
    expect(keys['RunCompleted']).toEqual(expect.arrayContaining([...BASE, 'content', 'content_type', 'metrics']))

    const { tool } = eventOf(frames, 'ToolCallCompleted')
    expect(Object.keys(tool)).toEqual(TOOL_KEYS)
    expect(tool).toMatchObject({ tool_name: 'get_weather', tool_args: { city: 'Oslo' }, tool_call_error: false })
    expect(tool.result).toContain('light snow')
    const completed = eventOf(frames, 'RunCompleted')
    expect(completed.content).toBe(textOf(frames))
    expect(completed.content).toEqual(expect.stringMatching(/demo/i))
    expect(completed.content).toEqual(expect.stringMatching(/Oslo/))
  })

  test('answers stream=false with the whole run', async () => {
    const response = await postRun(server.url, 'assistant', { message: WEATHER, stream: 'false' })
    expect(response.status).toBe(200)
    const run: unknown = await response.json()
    expect(run).toMatchObject({
      agent_id: 'assistant',
      status: 'COMPLETED',
      content_type: 'str',
      content: expect.stringMatching(/demo/i),
      input: { input_content: WEATHER },
      tools: [{ tool_name: 'get_weather', tool_call_error: false }],
      metrics: { total_tokens: expect.any(Number) },
    })
    expect(Object.values(run as object)).not.toContain(null)
  })

  test('goes on with a session and remembers what was said in it', async () => {
    const client = createClient({ baseUrl: server.url })
    const first = await client.run('notebook', { message: 'Remember that the release is on Thursday.' })
    expect(first).toMatchObject({ status: 'COMPLETED', session_state: { notes: [expect.stringMatching(/Thursday/)] } })
    const { session_id } = first
    const second = await client.run('notebook', { message: 'List my notes', session_id })
    expect(second.session_id).toBe(session_id)
    expect(second.content).toEqual(expect.stringMatching(/Thursday/))
    const runs = await client.sessions.runs(session_id)
    expect(runs.map(({ run_id }) => run_id)).toEqual([first.run_id, second.run_id])
  })

  test('tells which revision answered', async () => {
    const response = await postRun(server.url, 'assistant', { message: 'Hello', stream: 'false' })
    const { revision, ready } = await createClient({ baseUrl: server.url }).ready()
    expect(ready).toBe(true)
    expect(revision).toBeTruthy()
    expect(response.headers.get('x-agentos-revision')).toBe(revision)
    await response.body?.cancel()
  })
})

function words(text: string): readonly string[] {
  return text.split(' ')
}
