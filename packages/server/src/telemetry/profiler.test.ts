import { readdirSync, readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CpuProfile, HeapProfile } from '@agentos/wire'
import { describe, expect, test } from 'vitest'
import { type ProfileRequest, recordProfile, sampleIntervalUs } from './profiler.ts'

const CPU: ProfileRequest = { kind: 'cpu', seconds: 0.2, garbage: false }
const HEAP: ProfileRequest = { kind: 'heap', seconds: 0.2, garbage: false }
const never = new AbortController().signal

/** Keeps the thread busy until `over` settles, with turns of the event loop in between. */
async function burnWhile(over: Promise<unknown>): Promise<void> {
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

/** Two kilobytes each. */
function makeNumbers(count: number): number[][] {
  return Array.from({ length: count }, (_, at) => Array.from<number>({ length: 256 }).fill(at + 0.5))
}

/** The threads of the process that V8 samples others from, as Linux names them. */
const samplers = () =>
  readdirSync('/proc/self/task').filter((task) =>
    readFileSync(`/proc/self/task/${task}/comm`, 'utf8').includes('ProfEvntProc'),
  ).length

/** What V8 says of its heap sampling when asked. */
async function heapSampling(): Promise<string> {
  const session = new Session()
  session.connect()
  try {
    await session.post('HeapProfiler.getSamplingProfile')
    return 'on'
  } catch (error) {
    return String(error)
  } finally {
    session.disconnect()
  }
}

describe('a CPU profile', () => {
  test('names the function that burns the time, and its file', async () => {
    const recording = recordProfile(CPU, never)
    await burnWhile(recording)
    const { nodes, samples = [] } = CpuProfile.parse(JSON.parse(await recording))
    const [hot] = nodes.toSorted((a, b) => (b.hitCount ?? 0) - (a.hitCount ?? 0))
    expect(hot?.callFrame).toMatchObject({ functionName: 'burnForATurn', url: import.meta.url })
    expect(samples.length).toBeGreaterThan(20)
  })
})

test('samples are taken less often in a profile of more than half a minute', () => {
  expect([1, 10, 30, 45, 60].map(sampleIntervalUs)).toEqual([1000, 1000, 1000, 1500, 2000])
})

describe('a heap profile', () => {
  const sizeIn = (profile: HeapProfile, name: string): number => {
    const sum = (node: HeapProfile['head'], isInside: boolean): number => {
      const counts = isInside || node.callFrame.functionName === name
      return (counts ? node.selfSize : 0) + node.children.reduce((total, child) => total + sum(child, counts), 0)
    }
    return sum(profile.head, false)
  }
  const record = async (request: ProfileRequest, act: () => unknown) => {
    const recording = recordProfile(request, never)
    await nextTurn()
    const kept = act()
    return { profile: HeapProfile.parse(JSON.parse(await recording)), kept }
  }

  test('names who allocates what is kept', async () => {
    const { profile, kept } = await record(HEAP, () => makeNumbers(2000))
    expect(kept).toHaveLength(2000)
    expect(sizeIn(profile, 'makeNumbers')).toBeGreaterThan(1_000_000)
  })

  test('holds no value of the program', async () => {
    const { profile, kept } = await record(HEAP, () => Array.from({ length: 50_000 }, (_, at) => `secret-${at}`))
    expect(kept).toHaveLength(50_000)
    expect(JSON.stringify(profile)).not.toContain('secret-')
  })

  test('counts what was collected meanwhile only when it is asked to', async () => {
    const waste = () => {
      for (let round = 0; round < 15; round++) makeNumbers(2000)
    }
    const { profile: kept } = await record(HEAP, waste)
    const { profile: all } = await record({ ...HEAP, garbage: true }, waste)
    expect(sizeIn(all, 'makeNumbers')).toBeGreaterThan(3 * sizeIn(kept, 'makeNumbers'))
  })
})

describe.each([CPU, HEAP])('a $kind profile', (request) => {
  const isSampling = async () => (request.kind === 'cpu' ? samplers() > 0 : (await heapSampling()) === 'on')

  test.skipIf(process.platform !== 'linux')('leaves nothing on when it is over', async () => {
    const recording = recordProfile(request, never)
    await nextTurn()
    await expect.poll(isSampling).toBe(true)
    await recording
    expect(await isSampling()).toBe(false)
  })

  test.skipIf(process.platform !== 'linux')('leaves nothing on when it is stopped, and says why it was', async () => {
    const stopping = new AbortController()
    const recording = recordProfile({ ...request, seconds: 60 }, stopping.signal)
    await expect.poll(isSampling).toBe(true)
    stopping.abort(new Error('enough'))
    await expect(recording).rejects.toThrow('enough')
    expect(await isSampling()).toBe(false)
  })

  test.skipIf(process.platform !== 'linux')('that is too large is refused, and leaves nothing on', async () => {
    await expect(recordProfile(request, never, 100)).rejects.toMatchObject({ code: 'PROFILE_TOO_LARGE' })
    expect(await isSampling()).toBe(false)
  })

  test('that was stopped before does not begin', async () => {
    await expect(recordProfile(request, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
  })
})
