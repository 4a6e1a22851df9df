import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { traceOf } from '../base/trace-context.ts'
import { CREDIT_EVENTS } from './protocol.ts'
import { agentSource, contentOf, makeFolder, openRegistry, startRun, until } from './test-folder.ts'

/** An agent with one tool for everything agent code must not do. */
const HARMFUL = `import { agent, tool } from '@agentos/sdk'
const acts = {
  pid: () => process.pid,
  hello: () => 'hello',
  loop: () => { for (;;); },
  exit: () => process.exit(7),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  killGroup: () => process.kill(0, 'SIGTERM'),
  killChild: () => process.kill(4194303, 0),
  abort: () => process.abort(),
  chdir: () => process.chdir('/'),
  heap: () => { const all = []; for (;;) all.push(new Array(1e5).fill(Math.PI)) },
  reject: () => { void Promise.reject(new Error('nobody waits')); return new Promise((done) => setTimeout(() => done('survived'), 50)) },
  throwLater: () => { setTimeout(() => { throw new Error('in a timer') }, 5); return new Promise((done) => setTimeout(() => done('survived'), 50)) },
  print: () => { console.log('to stdout'); console.error('to stderr'); console.log('a'.repeat(20000)); return 'printed' },
}
export default agent({ id: 'h', tools: Object.entries(acts).map(([name, run]) => tool({ name, input: { type: 'object' }, run })) })`

async function openHarmful(options = {}) {
  const folder = await makeFolder({ 'h.ts': HARMFUL })
  const registry = await openRegistry(folder.path, options)
  await registry.reload()
  return {
    registry,
    run: (tool: string) => startRun(registry.current(), { tool }),
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

describe('runs over the port', () => {
  test('events, commits and the result arrive in order', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const order: string[] = []
    const run = startRun(
      registry.current(),
      { commit: 3 },
      { onCommit: async () => void order.push(`commit after ${run.events.length}`) },
    )
    expect(await contentOf(run)).toBe(3)
    expect(order).toEqual(['commit after 1', 'commit after 2', 'commit after 3'])
    expect(run.commits.flat().map((message) => message.id)).toEqual(['0', '1', '2'])
    expect(run.patches.map((patch) => patch?.set)).toEqual([{ number: 0 }, { number: 1 }, { number: 2 }])
  })

  test('a run whose commit fails stops', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const run = startRun(
      registry.current(),
      { commit: 3 },
      { onCommit: () => Promise.reject(new Error('the lease is lost')) },
    )
    expect(await run.ended).toMatchObject({ result: { status: 'ERROR', error: { message: 'the lease is lost' } } })
    expect(run.commits).toHaveLength(1)
  })

  test('a worker that emits more than its credit waits, and every event arrives', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const count = CREDIT_EVENTS * 2 + 10
    const run = startRun(registry.current(), { emit: count })
    expect(await contentOf(run)).toEqual({ waits: expect.toSatisfy((waits: number) => waits > 0) })
    expect(run.events.map((event) => event.at)).toEqual(Array.from({ length: count }, (_, index) => index))
  })

  test('cancel reaches the run with its reason, and the run ends once', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const run = startRun(registry.current(), { waitMs: 10_000 })
    run.handle.cancel('the user said so')
    run.handle.cancel('twice')
    expect(await run.ended).toMatchObject({ result: { status: 'CANCELLED', content: 'the user said so' } })
    expect(registry.current()?.activeRuns()).toBe(0)
  })

  test('a run that is asked to hand over ends as PENDING, and those beside it go on', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const bystander = startRun(registry.current(), { untilHandOver: true })
    const run = startRun(registry.current(), { untilHandOver: true })
    run.handle.handOver()
    run.handle.handOver()
    expect(await run.ended).toMatchObject({
      result: { status: 'PENDING', content: expect.stringMatching(/handed over$/) },
    })
    expect(registry.current()?.activeRuns()).toBe(1)
    bystander.handle.cancel('the test is over')
    expect(await bystander.ended).toMatchObject({ result: { status: 'CANCELLED' } })
  })

  test('a run that waits for its worker hands over once it is there', async () => {
    await using harmful = await openHarmful()
    await harmful.run('exit').ended
    const run = startRun(harmful.registry.current(), { untilHandOver: true })
    run.handle.handOver()
    expect(await run.ended).toMatchObject({ result: { status: 'PENDING' } })
  })

  test('the handle of an attempt that was taken over does not reach the later one', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const first = startRun(registry.current(), { waitMs: 10_000 }, { job: { runId: 'same', attempt: 1 } })
    const second = startRun(registry.current(), { waitMs: 100 }, { job: { runId: 'same', attempt: 2 } })
    await first.ended
    await delay(30)
    first.handle.cancel('too late')
    first.handle.handOver()
    expect(await contentOf(second)).toMatch(/waited$/)
  })

  test('a later attempt of a run takes it over: the first is lost, and nothing of it reaches the second', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const first = startRun(registry.current(), { waitMs: 10_000 }, { job: { runId: 'same', attempt: 1 } })
    await delay(20)
    const second = startRun(registry.current(), 'again', { job: { runId: 'same', attempt: 2 } })
    expect(await first.ended).toEqual({ lost: 'attempt 2 has taken the run over' })
    expect(await contentOf(second)).toMatch(/heard again$/)
    expect(registry.current()?.activeRuns()).toBe(0)
  })

  test('what a superseded attempt still does is not heard, and its commits fail', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const first = startRun(registry.current(), { commit: 100_000 }, { job: { runId: 'same', attempt: 1 } })
    await until(() => first.commits.length > 10)
    const second = startRun(registry.current(), 'again', { job: { runId: 'same', attempt: 2 } })
    const heard = { commits: first.commits.length, events: first.events.length }
    expect(await contentOf(second)).toMatch(/heard again$/)
    expect({ commits: first.commits.length, events: first.events.length }).toEqual(heard)
    expect(second.commits).toEqual([])
    expect(second.events).toEqual([])
  })

  test('a handler that throws harms neither its run nor the others', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const done = Promise.withResolvers<void>()
    registry.current()?.start(
      {
        runId: 'bad',
        sessionId: 's',
        userId: null,
        agentId: 'a',
        attempt: 1,
        input: '{"emit":1}',
        history: [],
        journal: [],
        inherited: 0,
        interrupted: false,
        requirements: [],
        statePatch: { set: {}, unset: [] },
        sessionState: {},
        request: {},
        trace: traceOf('bad', null),
      },
      {
        onEvents: () => {
          throw new Error('a bug of ours')
        },
        onCommit: () => Promise.resolve(),
        onDone: () => done.resolve(),
        onLost: () => done.reject(new Error('lost')),
      },
    )
    await done.promise
    expect(await contentOf(startRun(registry.current(), 'hi'))).toMatch(/heard hi$/)
    expect(registry.logged.map(({ message }) => message)).toContain('a handler of a run failed')
  })
})

describe('mistakes of agent code', () => {
  test('killing the process is refused, killing something else is not', async () => {
    await using harmful = await openHarmful()
    const refused = /would end the server and is refused in agent code$/
    expect(await harmful.run('kill').ended).toMatchObject({
      result: { error: { message: expect.stringMatching(refused) } },
    })
    expect(await harmful.run('killGroup').ended).toMatchObject({
      result: { error: { message: expect.stringMatching(refused) } },
    })
    expect(await harmful.run('killChild').ended).toMatchObject({ result: { error: { message: 'kill ESRCH' } } })
  })

  test('abort and chdir are refused by Node', async () => {
    await using harmful = await openHarmful()
    expect(await harmful.run('abort').ended).toMatchObject({ result: { status: 'ERROR' } })
    expect(await harmful.run('chdir').ended).toMatchObject({ result: { status: 'ERROR' } })
    expect(await contentOf(harmful.run('hello'))).toBe('hello')
  })

  test('process.exit ends only the worker: its runs are lost and say why, and the same revision starts again', async () => {
    await using harmful = await openHarmful()
    const before = harmful.registry.status().loaded
    const bystander = startRun(harmful.registry.current(), { waitMs: 10_000 })
    const run = harmful.run('exit')
    expect(await run.ended).toEqual({
      lost: `the worker of revision ${before} ended: agent code called process.exit(7)`,
    })
    expect(await bystander.ended).toMatchObject({ lost: expect.stringMatching(/process\.exit\(7\)$/) })
    // A run that comes while the worker starts again waits for it.
    expect(await contentOf(harmful.run('hello'))).toBe('hello')
    expect(harmful.registry.status()).toMatchObject({
      loaded: before,
      state: 'ready',
      generations: [{ state: 'serving' }],
    })
    expect(harmful.registry.logged).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'the worker of a revision ended by itself' }),
    )
  })

  test('the same revision starts again although its files are broken by now', async () => {
    await using folder = await makeFolder({ 'h.ts': HARMFUL })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    await folder.write({ 'h.ts': 'throw new Error("broken edit")' })
    expect((await registry.reload()).state).toBe('failed')
    await startRun(registry.current(), { tool: 'exit' }).ended
    expect(await contentOf(startRun(registry.current(), { tool: 'hello' }))).toBe('hello')
  })

  test('an endless loop in a run is silence: the worker is ended after five beats', async () => {
    await using harmful = await openHarmful({ heartbeatMs: 60 })
    const run = harmful.run('loop')
    expect(await run.ended).toMatchObject({ lost: expect.stringMatching(/it did not answer for 300 ms$/) })
    expect(await contentOf(harmful.run('hello'))).toBe('hello')
  })

  test('a heap blow-up ends the worker, not the process', async () => {
    // Collecting garbage up to the limit keeps the worker from answering for a while.
    await using harmful = await openHarmful({ heapMb: 64, heartbeatMs: 2_000 })
    expect(await harmful.run('heap').ended).toMatchObject({
      lost: expect.stringMatching(/it used more than its 64 MiB of heap$/),
    })
    expect(await contentOf(harmful.run('hello'))).toBe('hello')
  }, 20_000)

  test.each([
    ['reject', 'unhandled rejection', 'nobody waits'],
    ['throwLater', 'uncaught exception', 'in a timer'],
  ])(
    '%s: what nobody handles is logged with its place, and neither run nor worker ends',
    async (tool, kind, message) => {
      await using harmful = await openHarmful()
      const bystander = startRun(harmful.registry.current(), { waitMs: 200 })
      expect(await contentOf(harmful.run(tool))).toBe('survived')
      expect(await contentOf(bystander)).toMatch(/waited$/)
      const line = harmful.registry.agentLines.find((candidate) => candidate.message === `${kind} in agent code`)
      expect(line?.fields['reason']).toMatch(new RegExp(`^${message}\\nat h\\.ts:\\d+:\\d+`))
      expect(line?.fields['run_id']).toMatch(/^run-\d+$/)
    },
  )

  test('what agents print becomes log lines of the run that printed them, cut at a bounded length', async () => {
    await using harmful = await openHarmful()
    const printing = harmful.run('print')
    await contentOf(printing)
    const { loaded } = harmful.registry.status()
    await until(() => harmful.registry.agentLines.length >= 3)
    const runId = harmful.registry.agentLines[0]?.fields['run_id']
    expect(runId).toMatch(/^run-\d+$/)
    expect(harmful.registry.agentLines).toContainEqual({
      revision: loaded,
      level: 'info',
      message: 'to stdout',
      fields: { run_id: runId, stream: 'stdout' },
    })
    expect(harmful.registry.agentLines).toContainEqual({
      revision: loaded,
      level: 'warn',
      message: 'to stderr',
      fields: { run_id: runId, stream: 'stderr' },
    })
    const long = harmful.registry.agentLines.find(({ message }) => message.startsWith('aaa'))
    expect(long?.message).toMatch(/^a{16384}\.\.\. \(20000 characters\)$/)
  })

  test('three ends within a minute are a crash loop: degraded, and it says so', async () => {
    await using harmful = await openHarmful()
    for (let count = 0; count < 3; count++) await harmful.run('exit').ended
    const status = harmful.registry.status()
    expect(status.generations).toMatchObject([{ state: 'degraded' }])
    expect(status.error).toBe(
      'its worker ended 3 times within a minute, last because agent code called process.exit(7)',
    )
    expect(await contentOf(harmful.run('hello'))).toBe('hello')
  })

  test('the main thread being held up is not taken for silence of the worker', async () => {
    await using harmful = await openHarmful({ heartbeatMs: 40 })
    const until = performance.now() + 600
    while (performance.now() < until);
    await delay(100)
    expect(harmful.registry.status().generations).toMatchObject([{ state: 'serving' }])
    expect(harmful.registry.logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})
