import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { contentOf, keepLog, makeFolder, openRegistry, startRun } from '../loader/test-folder.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'
import { createProfiles } from './profiles.ts'

const BURNER = `import { agent, tool } from '@agentos/sdk'
function burnInWorker(ms) { const end = performance.now() + ms; let sum = 0; while (performance.now() < end) sum += Math.sqrt(sum + 1); return sum }
const run = async () => { for (let round = 0; round < 30; round++) { burnInWorker(10); await new Promise((done) => setImmediate(done)) } return 'burnt' }
export default agent({ id: 'burner', tools: [tool({ name: 'burn', input: { type: 'object' }, run })] })`

const SHORT: ProfileRequest = { kind: 'cpu', seconds: 0.5, garbage: false }
const LONG: ProfileRequest = { kind: 'cpu', seconds: 60, garbage: false }
const never = new AbortController().signal

async function openProfiles() {
  const folder = await makeFolder({ 'burner.ts': BURNER })
  const registry = await openRegistry(folder.path)
  await registry.reload()
  const { log, entries } = keepLog()
  return {
    profiles: createProfiles(registry, log),
    registry,
    entries,
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Keeps this thread busy until `over` settles, with turns of the event loop in between. */
async function burnOnMain(over: Promise<unknown>): Promise<void> {
  let isOver = false
  const note = () => {
    isOver = true
  }
  over.then(note, note)
  while (!isOver) {
    burnForATurn()
    await nextTurn()
  }
}

function burnForATurn(): number {
  const until = performance.now() + 5
  let sum = 0
  while (performance.now() < until) for (let at = 0; at < 1000; at++) sum += Math.sqrt(at)
  return sum
}

const read = (content: Uint8Array) => new TextDecoder().decode(content)

test('a profile names what its own thread does, and nothing that the other one does', async () => {
  await using server = await openProfiles()
  const both = Promise.all([server.profiles.take('main', SHORT, never), server.profiles.take('agents', SHORT, never)])
  await Promise.all([contentOf(startRun(server.registry.current(), { tool: 'burn' })), burnOnMain(both)])
  const [main, agents] = (await both).map(read)
  expect([main?.includes('"burnForATurn"'), main?.includes('"burnInWorker"')]).toEqual([true, false])
  expect([agents?.includes('"burnForATurn"'), agents?.includes('"burnInWorker"')]).toEqual([false, true])
  expect(server.entries).toContainEqual({
    level: 'info',
    message: 'a profile was taken',
    fields: { thread: 'main', kind: 'cpu', seconds: 0.5, garbage: false, bytes: main?.length },
  })
})

test.each(['main', 'agents'] as const)('one profile of thread %s is taken at a time', async (thread) => {
  await using server = await openProfiles()
  const stopping = new AbortController()
  const first = server.profiles.take(thread, LONG, stopping.signal)
  await expect(server.profiles.take(thread, LONG, never)).rejects.toMatchObject({
    code: 'PROFILE_RUNNING',
    message: `Somebody is taking a profile of thread "${thread}"`,
  })
  stopping.abort(new Error('the client went away'))
  await expect(first).rejects.toThrow('the client went away')
  const next = await server.profiles.take(thread, { ...SHORT, seconds: 0.05 }, never)
  expect(JSON.parse(read(next))).toHaveProperty('nodes')
})

test('a server that stops ends its profiles and takes no more', async () => {
  await using server = await openProfiles()
  const taken = (['main', 'agents'] as const).map((thread) => server.profiles.take(thread, LONG, never))
  server.profiles.stop()
  const outcomes = await Promise.allSettled([...taken, server.profiles.take('main', LONG, never)])
  expect(outcomes).toMatchObject(
    Array.from({ length: 3 }, () => ({ status: 'rejected', reason: { code: 'DRAINING' } })),
  )
})

test('without agents there is no thread of theirs', async () => {
  const profiles = createProfiles({ current: () => undefined }, keepLog().log)
  await expect(profiles.take('agents', LONG, never)).rejects.toMatchObject({ code: 'NO_REVISION' })
})
