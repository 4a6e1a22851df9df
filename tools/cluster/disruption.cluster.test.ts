import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { listScenarios } from '../chart/helm.ts'
import { installHelm } from '../helm-install.ts'
import { openApi, type Api } from './api.ts'
import { openRelease } from './helm.ts'
import { installKube } from './install.ts'
import { certificatesOf, startMetrics } from './metrics.ts'
import { makeNamespace } from './namespace.ts'
import { waitUntil } from './program.ts'
import { isReady, listServerPods, readReplicas, waitForPods } from './workload.ts'

const run = promisify(execFile)
const kubeconfig = inject('kubeconfig')
const ZONE = 'topology.kubernetes.io/zone'
const database = { host: 'db.example.com' }

let api: Api
let helm: string
let kube: string
beforeAll(async () => {
  api = await openApi(kubeconfig)
  helm = await installHelm(4)
  kube = await installKube()
})
afterAll(() => api[Symbol.dispose]())

test('pods are spread over zones and nodes', async () => {
  const namespace = 'spread'
  await makeNamespace(api, namespace)
  const release = openRelease({ helm, kubeconfig, namespace })
  expect(await release.install({ values: { database, replicaCount: 6 } })).toMatchObject({ code: 0 })
  await waitForPods(api, { namespace, name: 'agentos' })

  const zones = new Map(
    (await api.list('v1', 'Node', '')).map(({ metadata }) => [metadata.name, metadata.labels?.[ZONE]]),
  )
  const nodes = (await listServerPods(api, namespace)).map(({ spec }) => String(spec?.['nodeName']))
  expect(new Set(nodes).size).toBe(6)
  expect(Object.values(Object.groupBy(nodes, (node) => zones.get(node) ?? '')).map((pods) => pods?.length)).toEqual([
    2, 2, 2,
  ])
})

test('draining nodes waits for each pod that has to move: no more are missing than the budget says', async () => {
  const namespace = 'drain'
  await makeNamespace(api, namespace)
  const release = openRelease({ helm, kubeconfig, namespace })
  // A pod takes some seconds to be ready, so that there is something to wait for. Its label spares other releases' pods,
  // whose evictions would take up that time.
  const initDb = { enabled: true, mode: 'job', adminCredentials: { secretName: 'admin' } }
  const slow = { podAnnotations: { 'agentos.test/ready-after': '3s' }, podLabels: { 'agentos.test/drain': 'true' } }
  const values = { database, replicaCount: 4, initDb, ...slow }
  expect(await release.install({ values })).toMatchObject({ code: 0 })
  await waitForPods(api, { namespace, name: 'agentos' })

  const before = await listServerPods(api, namespace)
  const nodes = before.slice(0, 2).map(({ spec }) => String(spec?.['nodeName']))
  // Pods of Jobs do not count: with them the budget could not be worked out, and would let nothing go.
  const budget = await api.get('policy/v1', 'PodDisruptionBudget', namespace, 'agentos')
  expect(budget.status).toMatchObject({ expectedPods: 4, desiredHealthy: 3, disruptionsAllowed: 1 })
  await using counter = countReadyPods(namespace)
  try {
    const options = [
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      '--timeout=50s',
      '--pod-selector=app.kubernetes.io/component=server,agentos.test/drain=true',
    ]
    const { stderr } = await kubectl(['drain', ...nodes, ...options])
    expect(stderr).toContain("Cannot evict pod as it would violate the pod's disruption budget")
  } finally {
    await kubectl(['uncordon', ...nodes])
  }
  await waitForPods(api, { namespace, name: 'agentos' })
  expect(Math.min(...counter.counts)).toBe(3)
  const left = new Set((await listServerPods(api, namespace)).map(({ spec }) => spec?.['nodeName']))
  expect(nodes.filter((node) => left.has(node))).toEqual([])
})

test('a rollout has a pod more while it goes on, and never one less', async () => {
  const namespace = 'rollout'
  const place = { namespace, name: 'agentos' }
  await makeNamespace(api, namespace)
  const release = openRelease({ helm, kubeconfig, namespace })
  const values = { database, replicaCount: 3, minReadySeconds: 1 }
  expect(await release.install({ values })).toMatchObject({ code: 0 })
  await waitForPods(api, place)
  await using counter = countReadyPods(namespace)
  const changed = { ...values, podAnnotations: { 'agentos.test/ready-after': '500ms' } }
  expect(await release.upgrade({ values: changed })).toMatchObject({ code: 0 })
  await waitForPods(api, place)
  expect([Math.min(...counter.counts), Math.max(...counter.counts)]).toEqual([3, 4])
})

test('the autoscaler adds pods under load and takes them away without it; an upgrade meanwhile changes nothing of that', async () => {
  const namespace = 'autoscaling'
  const place = { namespace, name: 'agentos' }
  await using metrics = await startMetrics(api, certificatesOf(kubeconfig))
  await makeNamespace(api, namespace)
  const release = openRelease({ helm, kubeconfig, namespace })
  const file = listScenarios().find(({ name }) => name === 'autoscaling')?.file ?? ''
  const scaleDown = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 2, periodSeconds: 1 }] }
  const values = { autoscaling: { behavior: { scaleDown } } }
  expect(await release.install({ valuesFiles: [file], values })).toMatchObject({ code: 0 })
  await waitForReplicas(2)
  metrics.use('1400m')
  await waitForReplicas(6)
  const { code, stderr } = await release.upgrade({
    valuesFiles: [file],
    values: { ...values, podAnnotations: { a: 'b' } },
  })
  expect([code, stderr]).toEqual([0, ''])
  expect(await readReplicas(api, place)).toBe(6)
  metrics.use('100m')
  await waitForReplicas(2)

  async function waitForReplicas(count: number) {
    await waitUntil(`${count} pods`, async () => (await readReplicas(api, place)) === count || undefined, {
      limitMs: 30_000,
    })
  }
})

/** Counts the ready pods of the server over and over, until it is disposed of. */
function countReadyPods(namespace: string) {
  const counts: number[] = []
  let isDone = false
  const counting = (async () => {
    while (!isDone) {
      counts.push((await listServerPods(api, namespace)).filter(isReady).length)
      await sleep(10)
    }
  })()
  return {
    counts,
    [Symbol.asyncDispose]: async () => {
      isDone = true
      await counting
    },
  }
}

async function kubectl(args: readonly string[]) {
  return run(kube, ['kubectl', '--kubeconfig', kubeconfig, ...args])
}
