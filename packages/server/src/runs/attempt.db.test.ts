import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Message } from '../base/message.ts'
import type { StepEvent } from '../base/run.ts'
import { spanIdOf, traceOf } from '../base/trace-context.ts'
import { NO_USAGE } from '../base/usage.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import type { ContinueRequest } from './continue.ts'
import { result, scriptExecutor, type Started } from './testing/executor.ts'
import { openRuns, request, said } from './testing/open-runs.ts'
import { requirement, answer } from './testing/requirements.ts'

const MODEL = { provider: 'demo', id: 'assistant' }
const USAGE = { ...NO_USAGE, inputTokens: 3, outputTokens: 2, totalTokens: 5 }
const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: 'b7ad6b7169203331', sampled: true }
const TRACEPARENT = `00-${TRACE.traceId}-${TRACE.parentSpanId}-01`
/** The span of a request that brought {@link TRACEPARENT}. */
const REQUEST = { traceId: TRACE.traceId, spanId: TRACE.parentSpanId }
const TOOL = { toolCallId: 'call_1', toolName: 'look', input: {}, createdAt: 3, stopAfterToolCall: false }
const STEP: readonly StepEvent[] = [
  { type: 'model-start', at: 1, model: MODEL },
  { type: 'content', at: 2, text: 'Hi' },
  { type: 'model-end', at: 2, model: MODEL, usage: USAGE },
  { type: 'tool-start', at: 3, tool: TOOL },
]

const reply = (text: string): Message => {
  return { role: 'assistant', id: text, createdAt: 1, parts: [{ type: 'text', text }], usage: USAGE }
}

let database: TestDatabase
let records: AttemptRecord[]
beforeAll(async () => {
  database = await openTestDatabase()
})
afterEach(() => database.db.deleteFrom('agentos_runs').execute())
afterAll(() => database.close())

/** A replica whose worker does with each attempt what `acts` says, in turn. */
const open = (...acts: ((run: Started) => void | Promise<void>)[]) => {
  records = []
  const left = [...acts]
  const executor = scriptExecutor((run) => left.shift()?.(run))
  return openRuns(database, executor, {}, { onAttempt: (record) => void records.push(record) })
}
const done = (given: Parameters<typeof result>[0] = {}) => {
  return ({ handlers }: Started) => handlers.onDone(result(given))
}
const attempts = () => records.map(({ attempt, origin, status }) => `${attempt} ${origin} ${status}`)

test('an attempt tells what it was given, what it did, what came out and what that took', async () => {
  await using runs = open(async ({ handlers }) => {
    handlers.onEvents(STEP)
    await handlers.onCommit([said('Hi'), reply('one')], undefined)
    handlers.onEvents([{ type: 'tool-end', at: 4, tool: { ...TOOL, result: 'seen' } }])
    handlers.onDone(result({ uncommitted: [reply('two')] }))
  })
  const run = await runs.begin({ traceparent: TRACEPARENT, userId: 'ada' })
  await run.finished
  expect(records).toEqual([
    expect.objectContaining({
      runId: run.runId,
      sessionId: run.sessionId,
      userId: 'ada',
      agentId: 'assistant',
      agentName: 'Assistant',
      revision: 'r1',
      attempt: 1,
      origin: 'start',
      createdAt: run.createdAt,
      status: 'COMPLETED',
      model: MODEL,
      input: 'Hi',
      content: 'Hello',
      error: null,
      inherited: 0,
      fromMessage: 0,
      trace: TRACE,
      usage: { ...NO_USAGE, inputTokens: 6, outputTokens: 4, totalTokens: 10 },
    }),
  ])
  expect(records[0]?.marks.map(({ type }) => type)).toEqual(['model-start', 'model-end', 'tool-start', 'tool-end'])
  expect(records[0]?.messages).toHaveLength(3)
  expect(records[0]?.endedAt).toBeGreaterThanOrEqual(records[0]?.startedAt ?? Infinity)
})

test('attempts of a run are in one trace: the one of its caller, or its own', async () => {
  await using runs = open(done({ status: 'PAUSED', requirements: [requirement()] }), done(), done())
  const own = await runs.begin()
  await own.finished
  await goOn(runs, own)
  expect(attempts()).toEqual(['1 start PAUSED', '2 continue COMPLETED'])
  expect(new Set(records.map(({ trace }) => trace.traceId))).toEqual(new Set([own.runId.replaceAll('-', '')]))
  await runs.start(request({ background: true, traceparent: TRACEPARENT }))
  await vi.waitFor(() => expect(records).toHaveLength(3))
  expect(records[2]).toMatchObject({ attempt: 1, origin: 'start', trace: TRACE })
})

test('a later attempt has its own messages and usage apart from those before', async () => {
  const first = { status: 'PAUSED', requirements: [requirement()], uncommitted: [said('Hi'), reply('one')] } as const
  await using runs = open(done(first), done({ uncommitted: [reply('two')] }))
  const run = await runs.begin()
  await run.finished
  await goOn(runs, run)
  expect(records[1]).toMatchObject({ fromMessage: 2, usage: USAGE })
  expect(records[1]?.messages).toHaveLength(3)
})

test('a run that is lost with its worker is told of as lost, and taken up as recovered', async () => {
  await using runs = open(({ handlers }) => {
    handlers.onEvents(STEP)
    handlers.onLost('the worker ended')
    handlers.onEvents([{ type: 'tool-end', at: 9, tool: TOOL }])
  }, done())
  await runs.begin({ traceparent: TRACEPARENT })
  await vi.waitFor(() => expect(attempts()).toEqual(['1 start RUNNING', '2 recover COMPLETED']))
  expect(records.map(({ trace }) => trace)).toEqual([TRACE, TRACE])
  expect(records[0]?.error).toMatchObject({ code: 'WORKER_LOST' })
})

test('whoever ends a run tells of all attempts that were lost before it, with what each of them committed', async () => {
  const lose =
    (text: string) =>
    async ({ handlers }: Started) => {
      await handlers.onCommit([reply(text)], undefined)
      handlers.onLost('the worker ended')
    }
  await using runs = open(lose('one'), lose('two'), ({ handlers }) => handlers.onLost('again'), done())
  await runs.start(request({ background: true, traceparent: TRACEPARENT }))
  await vi.waitFor(() => expect(records.at(-1)?.status).toBe('ERROR'))
  expect(attempts()).toEqual(['1 start RUNNING', '2 recover RUNNING', '3 recover RUNNING', '4 recover ERROR'])
  const { startedAt = 0, lostBefore = [] } = records.at(-1) ?? {}
  expect(
    lostBefore.map(({ attempt, origin, fromMessage, toMessage }) => [attempt, origin, fromMessage, toMessage]),
  ).toEqual([
    [1, 'start', 0, 1],
    [2, 'recover', 1, 2],
    [3, 'recover', 2, 2],
  ])
  const times = lostBefore.flatMap((lost) => [lost.startedAt, lost.endedAt])
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(Math.abs(startedAt - times.at(-1)!)).toBeLessThan(5_000)
})

test('what was told of when a run paused is not told again, and a lost answer keeps what it points to', async () => {
  const lost = ({ handlers }: Started) => handlers.onLost('the worker ended')
  const pause = done({ status: 'PAUSED', requirements: [requirement()], uncommitted: [said('Hi'), reply('one')] })
  await using runs = open(lost, pause, lost, done())
  const run = await runs.begin()
  await vi.waitFor(() => expect(attempts()).toEqual(['1 start RUNNING', '2 recover PAUSED']))
  await goOn(runs, run, { traceparent: TRACEPARENT })
  await vi.waitFor(() => expect(attempts().slice(2)).toEqual(['3 continue RUNNING', '4 recover COMPLETED']))
  expect(records[3]).toMatchObject({
    links: [],
    lostBefore: [{ attempt: 3, origin: 'continue', fromMessage: 2, links: [REQUEST] }],
  })
  expect(records[3]?.lostBefore).toHaveLength(1)
})

test('a run that is handed over is told of by both replicas', async () => {
  const leaving = open()
  const run = await leaving.begin({ traceparent: TRACEPARENT })
  await leaving.drain(10)
  await run.finished
  await leaving.close()
  expect(attempts()).toEqual(['1 start PENDING'])
  await using taking = open(done())
  await vi.waitFor(() => expect(attempts()).toEqual(['2 hand-over COMPLETED']))
  expect(records[0]?.trace).toEqual(TRACE)
  expect(taking.running()).toBe(0)
})

test('a run that ends without being run is told of, too', async () => {
  await using runs = open(done({ status: 'PAUSED', requirements: [requirement()] }))
  const run = await runs.begin()
  await run.finished
  await runs.cancel(run.runId)
  await expect.poll(attempts).toEqual(['1 start PAUSED', '2 continue CANCELLED'])
})

test('of very many model calls and tools, the first are told of', async () => {
  await using runs = open(({ handlers }) => {
    for (let call = 0; call < 6_000; call++) handlers.onEvents([STEP[0]!, STEP[2]!])
    handlers.onDone(result())
  })
  await (
    await runs.begin()
  ).finished
  expect(records[0]?.marks).toHaveLength(10_000)
})

test('a run that is answered stays in its trace, and points to a request that has another', async () => {
  await using runs = open(done({ status: 'PAUSED', requirements: [requirement()] }), done())
  const run = await runs.begin()
  await run.finished
  await goOn(runs, run, { traceparent: TRACEPARENT })
  expect(records.map(({ links }) => links)).toEqual([[], [REQUEST]])
  expect(new Set(records.map(({ trace }) => trace.traceId)).size).toBe(1)
})

test('a run that is answered and waits in the queue again points to that request too, whoever takes it up', async () => {
  await using runs = open(done({ status: 'PAUSED', requirements: [requirement()] }), done())
  const run = await runs.begin()
  await run.finished
  await goOn(runs, run, { traceparent: TRACEPARENT, background: true })
  await vi.waitFor(() => expect(attempts()).toEqual(['1 start PAUSED', '2 continue COMPLETED']))
  expect(records[1]?.links).toEqual([REQUEST])
})

test('a run that failed with open calls, and goes on from the queue, was not lost', async () => {
  const call = { type: 'tool-call', toolCallId: 'call_1', toolName: 'look', input: {} } as const
  const open1: Message = { role: 'assistant', id: 'open', createdAt: 1, parts: [call], usage: USAGE }
  const error = { code: 'MODEL_REJECTED', message: 'No' } as const
  await using runs = open(done({ status: 'ERROR', error, uncommitted: [said('Hi'), open1] }), done())
  const run = await runs.begin()
  await run.finished
  await goOn(runs, run, { traceparent: TRACEPARENT, background: true, answers: [] })
  await vi.waitFor(() => expect(attempts()).toEqual(['1 start ERROR', '2 continue COMPLETED']))
  expect(records[1]).toMatchObject({ links: [REQUEST], lostBefore: [] })
})

test('a request in the trace of the run is nothing to point to', async () => {
  await using runs = open(done({ status: 'PAUSED', requirements: [requirement()] }), done())
  const run = await runs.begin({ traceparent: TRACEPARENT })
  await run.finished
  await goOn(runs, run, { traceparent: `00-${TRACE.traceId}-${'a'.repeat(16)}-01` })
  expect(records[1]).toMatchObject({ attempt: 2, links: [] })
})

test.each([false, true])(
  'a fork has a trace of its own that points to its source; from the queue: %s',
  async (background) => {
    await using runs = open(done({ uncommitted: [said('Hi'), reply('one')] }), done())
    const source = await runs.begin({ traceparent: TRACEPARENT })
    await source.finished
    await goOn(runs, source, { fork: true, answers: [], input: 'More', background, traceparent: TRACEPARENT })
    await vi.waitFor(() => expect(records).toHaveLength(2))
    const [first, fork] = records
    const root = { traceId: TRACE.traceId, spanId: spanIdOf(first!.runId, 'run') }
    expect(fork!.trace).toEqual(traceOf(fork!.runId, null))
    expect(fork!.links).toEqual([root, REQUEST])
  },
)

test('an attempt knows the tools of its agent and what its model was given of the session', async () => {
  await using runs = open(done({ uncommitted: [said('Hi'), reply('one')] }), done())
  const first = await runs.begin()
  await first.finished
  const second = await runs.begin({ sessionId: first.sessionId })
  await second.finished
  expect(records.map(({ history }) => history.map(({ role }) => role))).toEqual([[], ['user', 'assistant']])
  expect(records[0]).toMatchObject({ runType: 'agent', parentRunId: null, tools: [] })
})

/** Answers what the run waits for, and waits for its end. */
async function goOn(
  runs: ReturnType<typeof open>,
  run: { readonly runId: string; readonly sessionId: string },
  given: Partial<ContinueRequest> = {},
) {
  const { live } = await runs.continue({
    agentId: 'assistant',
    runId: run.runId,
    sessionId: run.sessionId,
    userId: null,
    answers: [answer({ confirmed: true })],
    input: undefined,
    continueFrom: 'end',
    fork: false,
    regenerate: false,
    replaceOriginal: undefined,
    background: false,
    streamed: false,
    mayApprove: true,
    resolvedBy: null,
    ...given,
  })
  await live?.finished
}
