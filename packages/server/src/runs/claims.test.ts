import { expect, test, vi } from 'vitest'
import { createLog } from '../telemetry/log.ts'
import { createClaims } from './claims.ts'

const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

/** Claims on a clock that a test moves, with timers of its own. */
function open(answers: (lost: boolean) => boolean | Promise<boolean> = () => false) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let wall = 1_000_000
  let monotonic = 0
  const looks: boolean[] = []
  const claims = createClaims(
    { pollMs: 1000, leaseMs: 6000 },
    {
      log,
      clock: { now: () => wall, monotonic: () => monotonic },
      random: () => 0.5,
      takeUp: async (lost) => {
        looks.push(lost)
        return answers(lost)
      },
    },
  )
  return {
    ...claims,
    looks,
    /** As time passes while the process runs. */
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 100) {
        wall += 100
        monotonic += 100
        await vi.advanceTimersByTimeAsync(100)
      }
    },
    /** The machine sleeps: only the wall clock goes on. */
    sleep: (ms: number) => void (wall += ms),
    async [Symbol.asyncDispose]() {
      await claims.stop()
      vi.useRealTimers()
    },
  }
}

test('looks at once, then every poll, and once more when poked while it looks', async () => {
  await using claims = open()
  await claims.pass(100)
  expect(claims.looks).toHaveLength(1)
  await claims.pass(2500)
  expect(claims.looks).toHaveLength(3)
  claims.poke()
  claims.poke()
  await claims.pass(100)
  // The two of the pokes, and the one soon after.
  expect(claims.looks).toHaveLength(6)
})

test('looks again soon after a poke, because a run may have been locked', async () => {
  await using claims = open()
  await claims.pass(100)
  claims.poke()
  await claims.pass(200)
  expect(claims.looks).toHaveLength(3)
  await claims.pass(800)
  expect(claims.looks).toHaveLength(3)
})

test('looks again as long as there may be more', async () => {
  let left = 3
  await using claims = open(() => left-- > 0)
  await claims.pass(100)
  expect(claims.looks).toHaveLength(4)
})

test('takes nobody for dead for one lease after the database was away, and goes on looking', async () => {
  let isAway = true
  await using claims = open(() => {
    if (isAway) throw new Error('away')
    return false
  })
  await claims.pass(3000)
  isAway = false
  await claims.pass(4000)
  expect(claims.looks.slice(0, 1)).toEqual([true])
  expect(new Set(claims.looks.slice(1))).toEqual(new Set([false]))
  expect(claims.isTrusting()).toBe(false)
  await claims.pass(4000)
  expect([claims.looks.at(-1), claims.isTrusting()]).toEqual([true, true])
})

test('takes nobody for dead for one lease after it was told of trouble', async () => {
  await using claims = open()
  claims.mistrust()
  await claims.pass(5900)
  expect(new Set(claims.looks.slice(1))).toEqual(new Set([false]))
  await claims.pass(1200)
  expect(claims.looks.at(-1)).toBe(true)
})

test('takes nobody for dead for one lease after it stood still', async () => {
  await using claims = open()
  await claims.pass(1500)
  claims.sleep(3500)
  await claims.pass(1000)
  expect(claims.looks).toEqual([true, true, true])
  claims.sleep(6000)
  await claims.pass(3000)
  expect(claims.looks.slice(3)).toEqual([false, false, false])
  await claims.pass(5000)
  expect(claims.looks.at(-1)).toBe(true)
})

test('stops looking, and waits for what it is taking up', async () => {
  const taking = Promise.withResolvers<boolean>()
  await using claims = open(() => taking.promise)
  let stopped = false
  const stopping = claims.stop().then(() => (stopped = true))
  await claims.pass(5000)
  expect(stopped).toBe(false)
  taking.resolve(true)
  await stopping
  claims.poke()
  await claims.pass(5000)
  expect(claims.looks).toHaveLength(1)
})
