import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { CHART, listScenarios, renderObjects } from '../chart/helm.ts'
import { installHelm, type HelmMajor } from '../helm-install.ts'
import { openApi, type Api } from './api.ts'
import { copyChart } from './chart-copy.ts'
import { openRelease, type Release } from './helm.ts'
import { makeNamespace } from './namespace.ts'
import { readReplicas, waitForPods } from './workload.ts'

const kubeconfig = inject('kubeconfig')
let api: Api
const helms = new Map<HelmMajor, string>()
beforeAll(async () => {
  api = await openApi(kubeconfig)
  for (const major of [3, 4] as const) helms.set(major, await installHelm(major))
})
afterAll(() => api[Symbol.dispose]())

/** Each differs from the one before it in other parts. An autoscaler, which takes the number of pods over, has its own test. */
const CHAIN = ['minimal', 'requirements', 'eso-all', 'mesh', 'embedded', 'extras', 'observability', 'workers', 'keda']
const RELEASED = /^(ConfigMap|Deployment|NetworkPolicy|PodDisruptionBudget|Service|ServiceAccount) /
/** What the last Jobs that ran as hooks needed stays with them. */
const KEPT_FOR_JOBS = /-(init-db|jobs)$/

/** Of a number of pods that an autoscaler owns. */
const REFUSALS = { 3: /^$/, 4: /conflict with "autoscaler".*\.spec\.replicas/ }

const fileOf = (scenario: string) => listScenarios().find(({ name }) => name === scenario)?.file ?? ''
const helmOf = (major: HelmMajor) => helms.get(major) ?? ''

async function openIn(namespace: string, major: HelmMajor): Promise<Release> {
  await makeNamespace(api, namespace)
  return openRelease({ helm: helmOf(major), kubeconfig, namespace })
}

describe.concurrent.each([3, 4] as const)('Helm %s', (major) => {
  test('upgrades between values with every kind of change, and rolls back over all of them', async () => {
    const namespace = `chain-${major}`
    const release = await openIn(namespace, major)
    const values = { namespaceOverride: namespace, database: { host: 'db.example.com' } }
    const [first = '', ...others] = CHAIN.map(fileOf)
    expect(await release.install({ valuesFiles: [first], values })).toMatchObject({ code: 0 })
    for (const file of others) {
      const { code, stderr } = await release.upgrade({ valuesFiles: [file], values })
      expect([file, code, stderr]).toEqual([file, 0, ''])
    }
    const { code, stderr } = await release.run(['rollback', 'agentos', '1'])
    expect([code, stderr]).toEqual([0, ''])
    await waitForPods(api, { namespace, name: 'agentos' }, 'admitted')

    const objects = await renderObjects({ helm: helmOf(major), valuesFiles: [first], values })
    const isOfRelease = (name: string) => RELEASED.test(name) && !KEPT_FOR_JOBS.test(name)
    const rendered = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).filter(isOfRelease)
    expect((await api.listAll(namespace)).filter(isOfRelease)).toEqual(rendered.toSorted())
  })

  test('restarts no pod when it upgrades to the same values, or to the next version of the chart alone, nor when the other Helm does', async () => {
    const namespace = `same-${major}`
    const release = await openIn(namespace, major)
    const file = fileOf('requirements')
    expect(await release.install({ valuesFiles: [file] })).toMatchObject({ code: 0 })
    const before = await waitForPods(api, { namespace, name: 'agentos' })
    await using next = await copyChart({ version: '99.0.0' })
    const other = helmOf(major === 3 ? 4 : 3)
    const turns = [
      { helm: helmOf(major), chart: CHART },
      { helm: helmOf(major), chart: next.path },
      { helm: other, chart: CHART },
    ]
    for (const turn of turns) {
      const again = openRelease({ ...turn, kubeconfig, namespace })
      expect(await again.upgrade({ valuesFiles: [file] })).toMatchObject({ code: 0, stderr: '' })
      const after = await api.get('apps/v1', 'Deployment', namespace, 'agentos')
      expect(after.metadata.generation).toBe(before.metadata.generation)
    }
  })

  test('leaves the number of pods to whom it was given: an upgrade neither fails nor resets it', async () => {
    const namespace = `scaled-${major}`
    const place = { namespace, name: 'agentos' }
    const release = await openIn(namespace, major)
    const file = fileOf('keda')
    expect(await release.install({ valuesFiles: [file] })).toMatchObject({ code: 0 })
    await scale(place, 5)
    const { code, stderr } = await release.upgrade({
      valuesFiles: [file],
      values: { podAnnotations: { again: 'yes' } },
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(await readReplicas(api, place)).toBe(5)
    expect(await release.run(['rollback', 'agentos', '1'])).toMatchObject({ code: 0 })
    expect(await readReplicas(api, place)).toBe(5)
  })

  test('takes no pod away when an autoscaler takes over, and takes the number back when told to', async () => {
    const namespace = `handover-${major}`
    const place = { namespace, name: 'agentos' }
    const release = await openIn(namespace, major)
    const database = { host: 'db.example.com' }
    expect(await release.install({ values: { database, replicaCount: 4 } })).toMatchObject({ code: 0 })
    await waitForPods(api, place)
    for (const turn of ['first', 'second']) {
      const values = { database, keda: { enabled: true }, podAnnotations: { turn } }
      const { code, stderr } = await release.upgrade({ values })
      expect([turn, code, stderr]).toEqual([turn, 0, ''])
      expect([turn, await readReplicas(api, place)]).toEqual([turn, 4])
    }
    await scale(place, 6)
    for (const turn of ['third', 'fourth']) {
      const values = { database, keda: { enabled: true }, podAnnotations: { turn } }
      expect(await release.upgrade({ values })).toMatchObject({ code: 0 })
      expect([turn, await readReplicas(api, place)]).toEqual([turn, 6])
    }
    const back = { values: { database, replicaCount: 3 } }
    expect((await release.upgrade(back)).stderr).toMatch(REFUSALS[major])
    const { code, stderr } = await release.upgrade({ ...back, args: major === 4 ? ['--force-conflicts'] : [] })
    expect([code, stderr]).toEqual([0, ''])
    expect(await readReplicas(api, place)).toBe(3)
  })
})

/** As autoscalers do it. */
async function scale({ namespace, name }: { namespace: string; name: string }, replicas: number): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/scale?fieldManager=autoscaler`
  const { status } = await api.ask('PATCH', path, { spec: { replicas } }, 'application/merge-patch+json')
  expect(status).toBe(200)
}
