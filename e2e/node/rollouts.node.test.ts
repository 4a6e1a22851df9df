/**
 * What operators do to a fleet under load: pushes to Git, and a rollout.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../condition.ts'
import { startLoad } from '../swap-load.ts'
import { createFigures } from './figures.ts'
import { faultsOf, type Fleet, openFleet, RELEASE, REPLICAS } from './fleet.ts'
import type { Values } from './kubectl.ts'
import { listPods, podUrl, waitForPods } from './pods.ts'
import { EAGER_SYNC } from './site.ts'

const SWAPS = Number(process.env['NODE_SWAPS'] ?? 4)
/** Twice the period of git-sync and the debounce of the server are 6 s; the rest is for a machine that does more than this. */
const LIMIT_MS = 60_000
const figures = createFigures()
const { tell } = figures

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet('rollouts', figures, EAGER_SYNC)
})
afterAll(() => fleet?.[Symbol.asyncDispose]())

test('serves what was pushed on every replica, and no request fails meanwhile', async () => {
  const words = new Map([[fleet.first, 'first']])
  const load = startLoad(fleet.url, words)
  const times: number[] = []
  try {
    for (let swap = 0; swap < SWAPS; swap++) {
      const word = `word-${swap}`
      const revision = await fleet.site.repository.commit(fleet.files(word))
      words.set(revision, word)
      const pods = await waitForPods(fleet.site.namespace, RELEASE, REPLICAS)
      await fleet.site.repository.push(revision)
      const pushed = performance.now()
      const served = pods.map(async (pod) => {
        const client = createClient({ baseUrl: podUrl(pod) })
        await until(
          `${word} on ${pod.metadata.name}`,
          async () => (await client.ready()).revision === revision,
          LIMIT_MS,
        )
        return performance.now() - pushed
      })
      times.push(...(await Promise.all(served)))
    }
  } finally {
    await load.stop()
  }
  times.sort((a, b) => a - b)
  const requests = [...load.served.values()].reduce((sum, count) => sum + count, 0)
  tell('swaps', SWAPS)
  tell('seconds from push to served on a replica, p50', (times[Math.floor(times.length / 2)] ?? Number.NaN) / 1000)
  tell('seconds from push to served on a replica, max', (times.at(-1) ?? Number.NaN) / 1000)
  tell('requests while swapping', requests)
  tell('failed requests while swapping', load.failures.length)
  expect(load.failures).toEqual([])
})

test('replaces all pods for a changed value, and loses neither a stream nor a run', async () => {
  const before = await listPods(fleet.site.namespace, RELEASE)
  const report = await fleet.under('rollout', async () => {
    await fleet.site.namespace.helm('upgrade', RELEASE, {
      values: fleet.values({ gitSync: { ...(fleet.site.values['gitSync'] as Values), period: '30s' } }), // a map in site.ts
      args: ['--wait', '--timeout', '300s'],
    })
    await waitForPods(fleet.site.namespace, RELEASE, REPLICAS)
    await fleet.untilGone(before)
  })
  expect(faultsOf(report, REPLICAS)).toEqual([])
})
