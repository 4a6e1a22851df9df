import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ClaimedRun } from '../storage/runs/runs.ts'
import { createAdmission } from './admission.ts'
import type { LiveRun } from './live-run.ts'

function open(maxRuns: number) {
  const here = new Set<string>()
  // Of the runs that are here, only their ids are looked at.
  const get = (runId: string) => (here.has(runId) ? ({ runId } as LiveRun) : undefined)
  return { here, ...createAdmission(maxRuns, { size: () => here.size, get }) }
}

// Of a claimed run, only its id is looked at.
const claimed = (runId: string) => ({ run: { runId } }) as ClaimedRun

describe('a request', () => {
  test('is refused when there is no room, also while the others are still being stored', async () => {
    const { accept, here } = open(2)
    const storing = Promise.withResolvers<void>()
    const first = accept(false, () => storing.promise)
    const second = accept(false, () => storing.promise)
    await expect(accept(false, () => Promise.resolve())).rejects.toMatchObject({ code: 'TOO_MANY_RUNS' })
    storing.resolve()
    await Promise.all([first, second])
    here.add('a')
    await accept(false, () => Promise.resolve())
  })

  test('that waits for its turn needs no room, and takes none', async () => {
    const { accept, here, room } = open(1)
    here.add('a')
    expect(await accept(true, () => Promise.resolve(room()))).toBe(0)
  })

  test('waits for a look that may take the last places', async () => {
    const { accept, claim, here } = open(1)
    const looking = Promise.withResolvers<readonly ClaimedRun[]>()
    const look = claim(
      () => looking.promise,
      async ({ run }) => void here.add(run.runId),
    )
    const request = accept(false, () => Promise.resolve('accepted'))
    looking.resolve([])
    expect([await look, await request]).toEqual([false, 'accepted'])
    const taken = claim(
      async () => [claimed('a')],
      async ({ run }) => void here.add(run.runId),
    )
    await expect(accept(false, () => Promise.resolve())).rejects.toMatchObject({ code: 'TOO_MANY_RUNS' })
    expect(await taken).toBe(true)
  })

  test('is refused once the replica stops, also one that waited', async () => {
    const { accept, claim, shut, isIdle } = open(1)
    const looking = Promise.withResolvers<readonly ClaimedRun[]>()
    const look = claim(
      () => looking.promise,
      () => Promise.resolve(),
    )
    const request = accept(false, () => Promise.resolve())
    expect(isIdle()).toBe(false)
    shut()
    looking.resolve([])
    await expect(request).rejects.toMatchObject({ code: 'DRAINING' })
    await expect(accept(true, () => Promise.resolve())).rejects.toMatchObject({ code: 'DRAINING' })
    await look
    expect(isIdle()).toBe(true)
  })
})

test('a claim that fails, and a run that cannot be taken, leave their places', async () => {
  const { claim, room, isIdle } = open(5)
  const failing = claim(
    () => Promise.reject(new Error('away')),
    () => Promise.resolve(),
  )
  await expect(failing).rejects.toThrow('away')
  const untaken = claim(
    async () => [claimed('a')],
    () => Promise.reject(new Error('no')),
  )
  await expect(untaken).rejects.toThrow('no')
  expect([room(), isIdle()]).toEqual([5, true])
})

test('without room nothing is claimed', async () => {
  const { claim, here } = open(1)
  here.add('a')
  const never = () => Promise.reject(new Error('claimed'))
  expect(await claim(never, never)).toBe(false)
})

test('there are never more runs than the limit, whatever comes when', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 30 }),
      fc.scheduler(),
      fc.array(fc.nat({ max: 25 })),
      async (max, scheduler, work) => {
        const { accept, claim, here } = open(max)
        let most = 0
        let looks = Promise.resolve<unknown>(undefined)
        const arrive = (id: string) => {
          here.add(id)
          most = Math.max(most, here.size)
        }
        const jobs = work.map(async (size, number) => {
          await scheduler.schedule(Promise.resolve())
          if (size < 5) {
            const stored = () => scheduler.schedule(Promise.resolve()).then(() => arrive(`request ${number}`))
            return accept(false, stored).catch(() => undefined)
          }
          const look = (limit: number) => {
            const found = Array.from({ length: Math.min(limit, size) }, (_, place) =>
              claimed(`claim ${number} ${place}`),
            )
            return scheduler.schedule(Promise.resolve(found))
          }
          const take = ({ run }: ClaimedRun) => scheduler.schedule(Promise.resolve()).then(() => arrive(run.runId))
          looks = looks.then(() => claim(look, take))
          return looks
        })
        await scheduler.waitFor(Promise.all(jobs))
        expect(most).toBeLessThanOrEqual(max)
      },
    ),
  )
})
