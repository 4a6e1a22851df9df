/**
 * Profiles of a generation's worker, through the port, with real threads.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { AgentOSError } from '../base/errors.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'
import { agentSource, contentOf, makeFolder, openRegistry, startRun, until } from './test-folder.ts'

/** An agent with tools that are slow, keep memory, and break the thread. */
const ACTS = `import { agent, tool } from '@agentos/sdk'
const kept = []
function burnInTool(ms) { const end = performance.now() + ms; let sum = 0; while (performance.now() < end) sum += Math.sqrt(sum + 1); return sum }
function keepInTool() { for (let at = 0; at < 3000; at++) kept.push(new Array(256).fill(at + 0.5)); return kept.length }
const acts = {
  burn: async () => { for (let round = 0; round < 40; round++) { burnInTool(10); await new Promise((done) => setImmediate(done)) } return 'burnt' },
  keep: () => keepInTool(),
  loop: () => { for (;;); },
  exit: () => process.exit(7),
}
export default agent({ id: 'acts', tools: Object.entries(acts).map(([name, run]) => tool({ name, input: { type: 'object' }, run })) })`

const CPU: ProfileRequest = { kind: 'cpu', seconds: 0.3, garbage: false }
const HEAP: ProfileRequest = { kind: 'heap', seconds: 0.3, garbage: false }
const LONG: ProfileRequest = { ...CPU, seconds: 60 }
const never = new AbortController().signal

async function openActs(options = {}) {
  const folder = await makeFolder({ 'acts.ts': ACTS })
  const registry = await openRegistry(folder.path, options)
  await registry.reload()
  const serving = () => {
    const generation = registry.current()
    if (generation === undefined) throw new Error('nothing serves')
    return generation
  }
  return {
    folder,
    registry,
    serving,
    run: (tool: string) => startRun(registry.current(), { tool }),
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const read = (content: Uint8Array) => new TextDecoder().decode(content)

/** The threads of the process that V8 samples others from, as Linux names them. */
const samplers = () =>
  readdirSync('/proc/self/task').filter((task) =>
    readFileSync(`/proc/self/task/${task}/comm`, 'utf8').includes('ProfEvntProc'),
  ).length

test('a CPU profile names the function of a tool, in the folder that its author knows', async () => {
  await using acts = await openActs()
  const recording = acts.serving().profile(CPU, never)
  await contentOf(acts.run('burn'))
  const text = read(await recording)
  expect(text).toContain('"functionName":"burnInTool"')
  expect(text).toContain(`"url":"${pathToFileURL(acts.folder.at('acts.ts')).href}"`)
  expect(text).not.toContain(acts.registry.snapshots)
})

test('a heap profile names the function that keeps memory', async () => {
  await using acts = await openActs()
  const recording = acts.serving().profile(HEAP, never)
  await contentOf(acts.run('keep'))
  expect(read(await recording)).toContain('"functionName":"keepInTool"')
})

test.skipIf(process.platform !== 'linux')(
  'one that is stopped rejects with the reason, and samples no more',
  async () => {
    await using acts = await openActs()
    const stopping = new AbortController()
    const recording = acts.serving().profile(LONG, stopping.signal)
    await until(() => samplers() === 1)
    stopping.abort(new AgentOSError('DRAINING', 'enough'))
    await expect(recording).rejects.toMatchObject({ code: 'DRAINING', message: 'enough' })
    expect(samplers()).toBe(0)
    expect(await contentOf(startRun(acts.registry.current(), 'hello'))).toMatch(/heard hello$/)
  },
)

test('one goes on beside another of the same worker, and stopping it leaves the other alone', async () => {
  await using acts = await openActs()
  const stopping = new AbortController()
  const stopped = acts.serving().profile(LONG, stopping.signal)
  const other = acts.serving().profile(HEAP, never)
  stopping.abort(new Error('enough'))
  await expect(stopped).rejects.toThrow('enough')
  expect(JSON.parse(read(await other))).toHaveProperty('head')
})

test.each([
  ['exits', 'exit', /process\.exit\(7\)/],
  ['does not answer', 'loop', /did not answer/],
])('a worker that %s ends its profile with an error', async (_, tool, reason) => {
  await using acts = await openActs()
  const recording = acts.serving().profile(LONG, never)
  acts.run(tool)
  await expect(recording).rejects.toMatchObject({ code: 'WORKER_LOST', message: expect.stringMatching(reason) })
})

test('a worker that has ended is not waited for, and the one after it is profiled', async () => {
  await using acts = await openActs()
  const generation = acts.serving()
  await acts.run('exit').ended
  await expect(generation.profile(LONG, never)).rejects.toMatchObject({ code: 'WORKER_LOST' })
  const again = async () => {
    try {
      return read(await generation.profile({ ...CPU, seconds: 0.05 }, never)).length > 0
    } catch (error) {
      if (error instanceof AgentOSError && error.code === 'WORKER_LOST') return false
      throw error
    }
  }
  await until(again)
})

test('a revision that is replaced stays until its profile is there', async () => {
  await using acts = await openActs()
  const recording = acts.serving().profile({ ...CPU, seconds: 1 }, never)
  await acts.folder.write({ 'acts.ts': agentSource() })
  await acts.registry.reload()
  expect(acts.registry.status().generations).toHaveLength(2)
  expect(JSON.parse(read(await recording))).toHaveProperty('nodes')
  await until(() => acts.registry.status().generations.length === 1)
})

test('closing ends a profile with an error', async () => {
  await using acts = await openActs()
  const recording = acts.serving().profile(LONG, never)
  await Promise.all([expect(recording).rejects.toMatchObject({ code: 'WORKER_LOST' }), acts.registry.close()])
})
