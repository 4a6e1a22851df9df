import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { attemptSpanId, toolSpanId, traceOf } from '../base/trace-context.ts'
import { agentSource, contentOf, makeFolder, openRegistry, startRun, until } from './test-folder.ts'

const workerEntry = new URL('../worker.ts', import.meta.url)
const EXAMPLES = fileURLToPath(new URL('../../../../examples/agents', import.meta.url))

/** A module of a knowledge base that names an embedder. */
const baseSource = (embedder: string) =>
  `import { knowledge } from '@agentos/sdk'\nexport default knowledge({ id: 'docs', embedder: '${embedder}' })`

describe('the example agents', () => {
  test('load without a complaint', async () => {
    await using registry = await openRegistry(EXAMPLES, { workerEntry })
    const status = await registry.reload()
    expect(status).toMatchObject({ state: 'ready', error: null })
    const agents = registry.current()?.manifest.agents.map(({ id }) => id)
    expect(agents).toEqual(['assistant', 'handbook', 'companion', 'feedback', 'notebook', 'refunds'])
    expect(registry.agentLines).toEqual([])
  })

  test('assistant uses its tools, offline with the demo model', async () => {
    await using registry = await openRegistry(EXAMPLES, { workerEntry, toolTimeoutMs: 5_000 })
    await registry.reload()
    const run = startRun(registry.current(), 'What is the weather in Oslo?', { agentId: 'assistant' })
    expect(await contentOf(run)).toMatch(/Oslo.* 4 °C/)
    expect(run.events).toContainEqual(
      expect.objectContaining({
        type: 'tool-end',
        tool: expect.objectContaining({ toolName: 'get_weather', isError: false }),
      }),
    )
  })

  test('feedback answers with an object, notebook keeps notes in the session state', async () => {
    await using registry = await openRegistry(EXAMPLES, { workerEntry, toolTimeoutMs: 5_000 })
    await registry.reload()
    const feedback = startRun(registry.current(), 'The export is broken since Monday.', { agentId: 'feedback' })
    expect(await contentOf(feedback)).toMatchObject({ sentiment: expect.any(String), urgent: expect.any(Boolean) })
    const notebook = startRun(registry.current(), 'Remember that the release is on Thursday.', {
      agentId: 'notebook',
      job: { sessionState: { notes: ['buy milk'] } },
    })
    expect(await notebook.ended).toMatchObject({
      result: { status: 'COMPLETED', statePatch: { set: { notes: ['buy milk', expect.stringMatching(/release/)] } } },
    })
    // The state goes along with the commit of the call that changed it.
    expect(notebook.patches).toEqual([undefined, { set: { notes: ['buy milk', expect.anything()] }, unset: [] }])
  })

  test('refunds waits for an approval, and pays once it is there', async () => {
    await using registry = await openRegistry(EXAMPLES, { workerEntry, toolTimeoutMs: 5_000 })
    await registry.reload()
    const agentId = 'refunds'
    const paused = startRun(registry.current(), 'Refund order A101.', { agentId })
    const end = await paused.ended
    if (!('result' in end)) throw new Error(end.lost)
    expect(end.result).toMatchObject({
      status: 'PAUSED',
      requirements: [{ kind: 'confirmation', approval: 'required' }],
    })
    const answer = { confirmed: true, note: null, values: null, selections: null, result: null }
    const requirements = (end.result.requirements ?? []).map((requirement) => ({ ...requirement, answer }))
    const journal = [...paused.commits.flat(), ...end.result.uncommitted]
    const run = startRun(registry.current(), 'Refund order A101.', {
      agentId,
      job: { attempt: 2, journal, requirements },
    })
    expect(await contentOf(run)).toMatch(/54\.90 EUR/)
  })
})

test('an unknown model is an error of its file, and says how to write one', async () => {
  await using folder = await makeFolder({ 'a.ts': agentSource(`model: 'gpt-5-mini'`) })
  await using registry = await openRegistry(folder.path, { workerEntry })
  expect((await registry.reload()).error).toMatch(/^a\.ts: agent "a": Model "gpt-5-mini" does not name provider and id/)
})

test('a missing key does not keep a revision from serving, and is logged', async () => {
  await using folder = await makeFolder({ 'a.ts': agentSource(`model: 'openai:gpt-5-mini'`) })
  await using registry = await openRegistry(folder.path, { workerEntry })
  expect((await registry.reload()).state).toBe('ready')
  expect(registry.agentLines).toMatchObject([
    { level: 'warn', fields: { agent_id: 'a' }, message: expect.stringMatching(/OPENAI_API_KEY/) },
  ])
})

test('an unknown embedder of a knowledge base is an error of its file, and says which there are', async () => {
  await using folder = await makeFolder({ 'docs.ts': baseSource('nobody:small'), 'a.ts': agentSource() })
  await using registry = await openRegistry(folder.path, { workerEntry })
  const { state, error } = await registry.reload()
  expect(state).toBe('failed')
  expect(error).toMatch(/^docs\.ts: knowledge "docs": Embedder "nobody:small" must be provider:id .*: openai, /)
})

test('without the base of an unknown embedder, agents that name it are not loaded, and the others serve', async () => {
  const files = {
    'docs.ts': baseSource('nobody:small'),
    'a.ts': agentSource(`knowledge: 'docs'`),
    'b.ts': agentSource(),
  }
  await using folder = await makeFolder(files)
  await using registry = await openRegistry(folder.path, { workerEntry, policy: 'partial' })
  const status = await registry.reload()
  expect(status.files.map(({ path, outcome }) => [path, outcome])).toEqual([
    ['a.ts', 'error'],
    ['b.ts', 'loaded'],
    ['docs.ts', 'error'],
  ])
  expect(registry.current()?.manifest.knowledge).toEqual([])
})

test('a missing key of an embedder does not keep a revision from serving, and is logged', async () => {
  await using folder = await makeFolder({ 'docs.ts': baseSource('voyage:voyage-4@1024'), 'a.ts': agentSource() })
  await using registry = await openRegistry(folder.path, { workerEntry })
  expect((await registry.reload()).state).toBe('ready')
  expect(registry.agentLines).toMatchObject([
    {
      level: 'warn',
      fields: { knowledge_id: 'docs', embedder: 'voyage:voyage-4@1024' },
      message: 'voyage needs VOYAGE_API_KEY, which is not set: it is searched by words only',
    },
  ])
})

test("what an agent logs and prints carries the ids of its run, and a tool's those of its call", async () => {
  const source = agentSource(`
    instructions: (ctx) => { ctx.log.info('asked', { by: ctx.userId }); return 'x' },
    tools: [tool({ name: 'get_weather', description: 'Weather of a city', effect: 'read',
      input: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      run: (_, ctx) => { console.log('printed'); ctx.log.info('logged'); return 'sunny' } })],
  `)
  const trace = traceOf('r1', null)
  await using folder = await makeFolder({ 'a.ts': source })
  await using registry = await openRegistry(folder.path, { workerEntry })
  await registry.reload()
  await contentOf(
    startRun(registry.current(), 'What is the weather in Oslo?', { job: { runId: 'r1', userId: 'u1', trace } }),
  )
  const lineOf = (text: string) => registry.agentLines.find(({ message }) => message === text)
  await until(() => lineOf('printed') !== undefined)
  const run = { run_id: 'r1', session_id: 'session', agent_id: 'a', trace_id: trace.traceId }
  expect(lineOf('asked')?.fields).toEqual({ by: 'u1', ...run, span_id: attemptSpanId('r1', 1) })
  const toolCallId = lineOf('logged')?.fields['tool_call_id']
  if (typeof toolCallId !== 'string') throw new TypeError('a line of a tool names its call')
  const call = { ...run, tool_call_id: toolCallId, span_id: toolSpanId('r1', toolCallId, 1) }
  expect(lineOf('printed')?.fields).toEqual({ ...call, stream: 'stdout' })
  expect(lineOf('logged')?.fields).toEqual({ ...call, tool_name: 'get_weather' })
})

test('a run of an agent that the revision does not have ends in an error', async () => {
  await using registry = await openRegistry(EXAMPLES, { workerEntry })
  await registry.reload()
  expect(await startRun(registry.current(), 'hi', { agentId: 'nobody' }).ended).toMatchObject({
    result: {
      status: 'ERROR',
      error: { code: 'AGENT_FAILED', message: expect.stringMatching(/^agent "nobody" is not in revision /) },
    },
  })
})
