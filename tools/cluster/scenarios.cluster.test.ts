import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { listScenarios, renderObjects } from '../chart/helm.ts'
import type { KubernetesObject } from '../chart/objects.ts'
import { installHelm } from '../helm-install.ts'
import { openApi, type Api } from './api.ts'
import { openRelease } from './helm.ts'
import { makeNamespace } from './namespace.ts'
import { waitForPods } from './workload.ts'

const kubeconfig = inject('kubeconfig')
let api: Api
let helm3: string
let helm4: string
beforeAll(async () => {
  api = await openApi(kubeconfig)
  helm3 = await installHelm(3)
  helm4 = await installHelm(4)
  await makeNamespace(api, 'desks')
})
afterAll(() => api[Symbol.dispose]())

/** Kinds that may outlive a release: what feeds Secrets, and the last Jobs with what they needed. */
const KEPT_KINDS = new Set(['ClusterSecretStore', 'ConfigMap', 'ExternalSecret', 'Job', 'NetworkPolicy', 'SecretStore'])

describe.concurrent.each(listScenarios())('$name', ({ name, file }) => {
  test('is installed where only restricted pods run, taken over by the other Helm, and uninstalled but for what is kept', async () => {
    const home = `ci-${name}`
    await makeNamespace(api, home)
    const objects = await renderObjects({ helm: helm4, valuesFiles: [file] })
    const kept = objects.filter(isKept)
    expect(kept.filter(({ kind }) => !KEPT_KINDS.has(kind))).toEqual([])
    const deployments = objects.filter(({ kind }) => kind === 'Deployment')
    // The values file of one scenario names a namespace of its own, and a scheduler that is not there.
    const namespace = name === 'extras' ? 'desks' : home

    const [first, second] = [helm4, helm3].map((helm) => openRelease({ helm, kubeconfig, namespace: home }))
    const installed = await first?.install({ valuesFiles: [file] })
    expect(installed).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/warning|deprecated|violat/i) })
    for (const { metadata } of deployments) {
      await waitForPods(api, { namespace, name: metadata.name }, name === 'extras' ? 'admitted' : 'ready')
    }
    const upgraded = await second?.upgrade({ valuesFiles: [file] })
    expect(upgraded).toMatchObject({ code: 0, stderr: '' })
    const uninstalled = await second?.run(['uninstall', 'agentos', '--wait'])
    expect(uninstalled).toMatchObject({ code: 0, stderr: '' })

    const left = (await api.listAll(namespace)).filter((object) => !object.startsWith('Pod '))
    const own = ['PersistentVolumeClaim agentos-data']
    expect(left).toEqual([...own, ...kept.map(({ kind, metadata }) => `${kind} ${metadata.name}`)].toSorted())
  })
})

test('an install takes over what an uninstall has left, whichever Helm did either', async () => {
  const namespace = 'again'
  await makeNamespace(api, namespace)
  const file = listScenarios().find(({ name }) => name === 'requirements')?.file ?? ''
  for (const helm of [helm3, helm4, helm3]) {
    const release = openRelease({ helm, kubeconfig, namespace })
    const { code, stderr } = await release.install({ valuesFiles: [file] })
    expect([code, stderr]).toEqual([0, ''])
    expect(await release.run(['uninstall', 'agentos', '--wait'])).toMatchObject({ code: 0 })
  }
})

function isKept({ metadata: { annotations = {} } }: KubernetesObject): boolean {
  const hook = annotations['helm.sh/hook']
  return annotations['helm.sh/resource-policy'] === 'keep' || (hook !== undefined && hook !== 'test')
}
