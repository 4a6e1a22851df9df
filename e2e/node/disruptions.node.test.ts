/**
 * What happens to the pods of a fleet under load: one is deleted, all are evicted, one is killed.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fake } from '../script.ts'
import { postRun } from '../stream.ts'
import { createTranscript, followToRest } from '../transcript.ts'
import { createFigures } from './figures.ts'
import { faultsOf, type Fleet, openFleet, RELEASE, REPLICAS } from './fleet.ts'
import { isReady, listPods, podUrl, processesOf, untilSeen, waitForPods } from './pods.ts'

/** 20 seconds, which is longer than a pod has to stop. */
const LONG_TOKENS = 400
const figures = createFigures()
const { tell } = figures

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet('disruptions', figures)
})
afterAll(() => fleet?.[Symbol.asyncDispose]())

test('loses nothing when a pod is deleted, and goes on elsewhere with a stream that outlasts its drain', async () => {
  const transcript = createTranscript('plain')
  let joins = 0
  const report = await fleet.under('deleted pod', async () => {
    const [pod] = await listPods(fleet.site.namespace, RELEASE)
    const message = fake({ tokens: LONG_TOKENS, rate: 20 })
    const reading = transcript.read(await postRun(podUrl(pod!), 'plain', { message }))
    await untilSeen('the first event', () => Promise.resolve(transcript.run()))
    await fleet.site.namespace.remove(pod!)
    await reading
    joins = await followToRest(transcript, () => fleet.url, { how: 'events', timeoutMs: 120_000 })
    await fleet.untilGone([pod!])
    await waitForPods(fleet.site.namespace, RELEASE, REPLICAS)
  })
  expect(faultsOf(report, 1)).toEqual([])
  expect(joins).toBeGreaterThan(0)
  expect(transcript.disorder).toEqual([])
  expect(transcript.text().trim().split(/\s+/)).toHaveLength(LONG_TOKENS)
})

test('lets evictions take one pod at a time, and loses nothing', async () => {
  let refusals = 0
  let fewestReady = REPLICAS
  const report = await fleet.under('evictions', async () => {
    const pods = await listPods(fleet.site.namespace, RELEASE)
    const watching = new AbortController()
    const watch = watchReady(watching.signal, (count) => (fewestReady = Math.min(fewestReady, count)))
    for (const pod of pods) {
      await untilSeen(`${pod.metadata.name} may be evicted`, async () => {
        const accepted = await fleet.site.namespace.evict(pod)
        if (!accepted) refusals++
        return accepted
      })
    }
    await fleet.untilGone(pods)
    await waitForPods(fleet.site.namespace, RELEASE, REPLICAS)
    watching.abort()
    await watch
  })
  tell('evictions: refused for now', refusals)
  tell('evictions: fewest ready pods', fewestReady)
  expect(faultsOf(report, REPLICAS)).toEqual([])
  expect(refusals).toBeGreaterThan(0)
  expect(fewestReady).toBeGreaterThanOrEqual(REPLICAS - 1)
})

test('goes on with the runs of a server that was killed', async () => {
  const report = await fleet.under('kill -9', async () => {
    const [pod] = await listPods(fleet.site.namespace, RELEASE)
    const [server] = await processesOf(pod!, 'agentos')
    process.kill(server!, 'SIGKILL')
    await untilSeen('the container to be started again', async () => {
      const pods = await listPods(fleet.site.namespace, RELEASE)
      const same = pods.find(({ metadata }) => metadata.uid === pod!.metadata.uid)
      return same?.status.containerStatuses?.some(({ restartCount }) => restartCount > 0)
    })
    await waitForPods(fleet.site.namespace, RELEASE, REPLICAS)
  })
  // Connections to it broke, and its runs may have had a tool at work whose outcome nobody knows.
  expect(report.unfinished).toBeLessThan(report.streams)
})

async function watchReady(signal: AbortSignal, see: (ready: number) => void): Promise<void> {
  while (!signal.aborted) {
    see((await listPods(fleet.site.namespace, RELEASE)).filter(isReady).length)
    await sleep(100)
  }
}
