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

/** Kinds that may outlive a release: what feeds Secrets, and the last Jobs with their logs. */
const KEPT_KINDS = new Set(['ClusterSecretStore', 'ConfigMap', 'ExternalSecret', 'Job', 'NetworkPolicy', 'SecretStore'])

describe.concurrent.each(listScenarios())('$name', ({ name, file }) => {
  test('installs where only restricted pods run; an uninstall leaves only what is kept, and another Helm installs over it', async () => {
    const home = `ci-${name}`
    await makeNamespace(api, home)
    const objects = await renderObjects({ helm: helm4, valuesFiles: [file] })
    const kept = objects.filter(isKept)
    expect(kept.filter(({ kind }) => !KEPT_KINDS.has(kind))).toEqual([])
    const [deployment] = objects.filter(({ kind }) => kind === 'Deployment')
    // The values file of one scenario names a namespace of its own.
    const namespace = name === 'extras' ? 'desks' : home
    const place = { namespace, name: deployment?.metadata.name ?? '' }

    for (const helm of [helm4, helm3]) {
      const release = openRelease({ helm, kubeconfig, namespace: home })
      const { code, stderr } = await release.install({ valuesFiles: [file] })
      expect([code, stderr]).toEqual([0, expect.not.stringMatching(/warning|deprecated|violat/i)])
      // Nobody is there to schedule the pods of that scenario.
      await waitForPods(api, place, name === 'extras' ? 'admitted' : 'ready')

      const uninstalled = await release.run(['uninstall', 'agentos', '--wait'])
      expect([uninstalled.code, uninstalled.stderr]).toEqual([0, ''])
      const left = (await api.listAll(namespace)).filter((object) => !object.startsWith('Pod '))
      const own = ['PersistentVolumeClaim agentos-data']
      expect(left).toEqual([...own, ...kept.map(({ kind, metadata }) => `${kind} ${metadata.name}`)].toSorted())
    }
  })
})

function isKept({ metadata: { annotations = {} } }: KubernetesObject): boolean {
  const hook = annotations['helm.sh/hook']
  return annotations['helm.sh/resource-policy'] === 'keep' || (hook !== undefined && hook !== 'test')
}
