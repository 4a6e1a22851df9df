import { expect, test } from 'vitest'
import type { Embedder } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import { createLog } from '../telemetry/log.ts'
import { EmbedderLeftAlone, watchEmbedders } from './embedder-watch.ts'
import { embeddersOf } from './testing/knowledge.ts'

const never = new AbortController().signal
const AWAY = new AgentOSError('MODEL_UNAVAILABLE', 'the provider is away')

/** Answers, throws or hangs as `how` says, and counts how often it was asked. */
function open(questionMs = 5000) {
  let now = 0
  const lines: Record<string, unknown>[] = []
  const moves: [string, boolean][] = []
  const world = { how: 'answer' as 'answer' | 'hang' | Error, asked: 0 }
  const inner: Embedder = {
    name: 'fake:one',
    dimensions: 2,
    async embed(texts, signal) {
      world.asked++
      signal.throwIfAborted()
      if (world.how instanceof Error) throw world.how
      if (world.how === 'hang') {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      }
      return texts.map(() => new Float32Array([1, 2]))
    },
  }
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>)
  const embedders = watchEmbedders(embeddersOf(inner), {
    questionMs,
    restMs: 30_000,
    clock: { now: () => now, monotonic: () => now },
    log: createLog({ level: 'info', format: 'json', redact: (text) => text, write }),
    onLeftAlone: (...move) => void moves.push(move),
  })
  const embedder = embedders.resolve('fake:one')
  const ask = (signal = never) => embedder.embed(['why?'], signal, 'query')
  const askOften = async (times: number) => {
    for (let time = 0; time < times; time++) await ask().catch(() => {})
  }
  const pass = (ms: number) => void (now += ms)
  /** Lets a trial end. */
  const settle = () => new Promise((resolve) => setTimeout(resolve))
  const condition = () => embedders.conditionOf('fake:one')
  return { world, embedders, embedder, ask, askOften, pass, settle, condition, moves, lines, close: embedders.close }
}

test('an embedder stays what it is, and tells how it does', async () => {
  const { embedders, embedder, ask, condition } = open()
  expect([embedder.name, embedder.dimensions, embedders.standard === embedder]).toEqual(['fake:one', 2, true])
  expect(condition()).toEqual({ answers: null, problem: null, isLeftAlone: false })
  expect(await ask()).toEqual([new Float32Array([1, 2])])
  expect(condition()).toEqual({ answers: true, problem: null, isLeftAlone: false })
})

test('a question that takes too long ends, and says how long it was waited for', async () => {
  const { world, ask, condition } = open(20)
  world.how = 'hang'
  await expect(ask()).rejects.toMatchObject({
    code: 'MODEL_UNAVAILABLE',
    message: 'Embedder fake:one did not answer within 20 ms',
  })
  expect(condition()).toMatchObject({ answers: false, problem: 'Embedder fake:one did not answer within 20 ms' })
})

test('after three questions in a row without an answer it is left alone: the next ones fail at once', async () => {
  const { world, ask, askOften, moves, lines, condition } = open()
  world.how = AWAY
  await askOften(2)
  expect(moves).toEqual([])
  await expect(ask()).rejects.toBe(AWAY)
  expect(moves).toEqual([['fake:one', true]])
  await expect(ask()).rejects.toBeInstanceOf(EmbedderLeftAlone)
  await expect(ask()).rejects.toThrow('the provider is away')
  expect(world.asked).toBe(3)
  expect(condition()).toEqual({ answers: false, problem: 'the provider is away', isLeftAlone: true })
  expect(lines).toMatchObject([{ level: 'warn', embedder: 'fake:one', failures: 3, rest_ms: 30_000 }])
})

test('an answer in between starts the count again', async () => {
  const { world, ask, askOften, moves } = open()
  world.how = AWAY
  await askOften(2)
  world.how = 'answer'
  await ask()
  world.how = AWAY
  await askOften(2)
  expect(moves).toEqual([])
})

test('it is tried again beside a question after a while, and nobody waits for that', async () => {
  const { world, ask, askOften, pass, settle, moves, lines } = open()
  world.how = AWAY
  await askOften(3)
  pass(29_999)
  await askOften(2)
  expect(world.asked).toBe(3)
  pass(1)
  await askOften(2)
  await settle()
  expect([world.asked, moves.length]).toEqual([4, 1])
  // It had no answer, so it is left alone for as long again.
  pass(29_999)
  await askOften(1)
  expect(world.asked).toBe(4)
  pass(1)
  world.how = 'answer'
  await expect(ask()).rejects.toBeInstanceOf(EmbedderLeftAlone)
  await settle()
  expect(await ask()).toHaveLength(1)
  expect(moves).toEqual([
    ['fake:one', true],
    ['fake:one', false],
  ])
  expect(lines.map(({ message, away_ms }) => [message, away_ms])).toEqual([
    [expect.stringContaining('is left alone'), undefined],
    ['an embedder answers again', 60_000],
  ])
})

test('one trial at a time, which ends when the server stops', async () => {
  const { world, ask, askOften, pass, close } = open(60_000)
  world.how = AWAY
  await askOften(3)
  pass(30_000)
  world.how = 'hang'
  await askOften(5)
  expect(world.asked).toBe(4)
  await close()
  await expect(ask()).rejects.toBeInstanceOf(EmbedderLeftAlone)
})

test('documents are not held back, count for nothing when they fail, and end the rest when they are embedded', async () => {
  const { world, embedder, ask, askOften, moves, condition } = open()
  world.how = AWAY
  for (let time = 0; time < 5; time++) await expect(embedder.embed(['text'], never)).rejects.toBe(AWAY)
  expect([world.asked, moves, condition().answers]).toEqual([5, [], false])
  await askOften(3)
  await expect(embedder.embed(['text'], never)).rejects.toBe(AWAY)
  expect(world.asked).toBe(9)
  world.how = 'answer'
  await embedder.embed(['text'], never, 'document')
  expect(await ask()).toHaveLength(1)
  expect(moves.at(-1)).toEqual(['fake:one', false])
})

test('a text that is refused, and a caller who leaves, say nothing of the embedder', async () => {
  const { world, ask, askOften, moves, condition } = open()
  world.how = new AgentOSError('MODEL_REJECTED', 'the text is too long')
  await askOften(9)
  expect(moves).toEqual([])
  world.how = 'answer'
  await ask()
  world.how = 'hang'
  const left = new AgentOSError('DRAINING', 'The server is stopping')
  for (let time = 0; time < 4; time++) await expect(ask(AbortSignal.abort(left))).rejects.toBe(left)
  expect([moves, condition()]).toEqual([[], { answers: true, problem: null, isLeftAlone: false }])
})
