import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { listScenarios, renderObjects, type Values } from '../chart/helm.ts'
import type { KubernetesObject } from '../chart/objects.ts'
import { installHelm } from '../helm-install.ts'
import { openApi, type Api, type Live } from './api.ts'
import { copyChart } from './chart-copy.ts'
import { openRelease } from './helm.ts'
import { makeNamespace } from './namespace.ts'
import { waitUntil } from './program.ts'
import { listServerPods, waitForPods } from './workload.ts'

const kubeconfig = inject('kubeconfig')
const GOLDEN = join(import.meta.dirname, '..', 'chart', 'golden')
const database = { host: 'db.example.com' }

let api: Api
let helm3: string
let helm4: string
beforeAll(async () => {
  api = await openApi(kubeconfig)
  helm3 = await installHelm(3)
  helm4 = await installHelm(4)
})
afterAll(() => api[Symbol.dispose]())

const bothHelms = () => [helm4, helm3]

test('a cluster that is too old is refused, before anything is made', async () => {
  await makeNamespace(api, 'old')
  await using copy = await copyChart({ kubeVersion: '>=1.99.0-0' })
  for (const helm of bothHelms()) {
    const release = openRelease({ helm, kubeconfig, namespace: 'old', chart: copy.path })
    const { code, stderr } = await release.install({ values: { database } })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/requires kubeVersion: >=1\.99\.0-0 which is incompatible with Kubernetes v1\.36\.3/)
  }
  expect(await api.listAll('old')).toEqual(['PersistentVolumeClaim agentos-data'])
})

describe('what the values let through is refused by the server, or by Helm 4 where Helm 3 only warns', () => {
  let index = 0
  const external = {
    enabled: true,
    secretStoreRef: { name: 'store' },
    secrets: { db_pass: { remoteRef: { key: 'db' } } },
  }
  const cases: readonly (readonly [what: string, values: Values, complaint: RegExp, helm3Takes: boolean])[] = [
    [
      'a provider that is misspelt',
      { externalSecrets: { ...external, secretStore: { create: true, provider: { valt: { server: 'https://v' } } } } },
      /valt/,
      false,
    ],
    [
      'a field of a trigger that is misspelt',
      { keda: { enabled: true, triggers: [{ type: 'cron', metadata: { start: '1' }, metricTyp: 'Value' }] } },
      /metricTyp: field not declared/,
      true,
    ],
    [
      'a traffic policy that does not exist',
      {
        istio: {
          enabled: true,
          gateway: 'a/b',
          hostname: 'h.example.com',
          destinationRule: { enabled: true, trafficPolicy: { loadBalanser: { simple: 'ROUND_ROBIN' } } },
        },
      },
      /loadBalanser: field not declared/,
      true,
    ],
    [
      'a timeout with an impossible unit in an object of the user',
      {
        extraObjects: [
          {
            apiVersion: 'networking.istio.io/v1',
            kind: 'VirtualService',
            metadata: { name: 'more' },
            spec: { hosts: ['a'], http: [{ timeout: '5 parsecs', route: [{ destination: { host: 'a' } }] }] },
          },
        ],
      },
      /duration/,
      false,
    ],
  ]
  test.each(cases)('%s', async (_what, values, complaint, helm3Takes) => {
    const namespace = `values-${index++}`
    await makeNamespace(api, namespace)
    for (const helm of bothHelms()) {
      // What the first one has refused keeps its name.
      const release = openRelease({ helm, kubeconfig, namespace, release: `with-${basename(dirname(helm))}` })
      const { code, stderr } = await release.install({ values: { database, ...values } })
      const isTaken = helm === helm3 && helm3Takes
      expect([code === 0, stderr]).toEqual([isTaken, expect.stringMatching(isTaken ? /unknown field/ : complaint)])
    }
  })
})

test('two releases share a namespace, one with a name as long and odd as Helm allows, and each serves its own pods', async () => {
  const namespace = 'two'
  await makeNamespace(api, namespace)
  const long = 'a-second.one-with-a-name-as-long-as-helm-lets-it-be-5'
  const values = {
    database,
    initDb: { enabled: true, adminCredentials: { secretName: 'admin' } },
    migrations: { enabled: true, mode: 'job' },
    gitSync: { enabled: true, repo: 'https://git.example.com/a.git' },
    networkPolicy: { enabled: true },
    observability: { podMonitor: { enabled: true }, rules: { enabled: true }, dashboards: { enabled: true } },
  }
  const endpoints = new Map<string, readonly string[]>()
  for (const name of ['agentos', long]) {
    const release = openRelease({ helm: helm4, kubeconfig, namespace, release: name })
    const replicaCount = name === long ? 3 : 2
    const { code, stderr } = await release.install({ values: { ...values, replicaCount } })
    expect([code, stderr]).toEqual([0, ''])
  }
  for (const name of ['agentos', long]) {
    const deployments = await api.list('apps/v1', 'Deployment', namespace, `app.kubernetes.io/instance=${name}`)
    expect(deployments).toHaveLength(1)
    await waitForPods(api, { namespace, name: deployments[0]?.metadata.name ?? '' })
    const pods = await listServerPods(api, namespace, name)
    // Slices follow pods by a moment.
    const targets = await waitUntil(`each pod of ${name} is behind the Service`, async () => {
      const found = await listTargets(namespace, name)
      return found.length === pods.length ? found : undefined
    })
    expect(targets).toEqual(pods.map(({ metadata }) => metadata.name).toSorted())
    endpoints.set(name, targets)
  }
  expect([...endpoints.values()].map(({ length }) => length)).toEqual([2, 3])
  const first = openRelease({ helm: helm4, kubeconfig, namespace })
  expect(await first.run(['uninstall', 'agentos', '--wait'])).toMatchObject({ code: 0 })
  expect(await listServerPods(api, namespace, long)).toHaveLength(3)
})

test('`helm test` makes a pod that restricted namespaces admit, and takes it away', async () => {
  const namespace = 'helm-test'
  await makeNamespace(api, namespace)
  for (const helm of bothHelms()) {
    const release = openRelease({ helm, kubeconfig, namespace })
    expect(await release.install({ values: { database } })).toMatchObject({ code: 0 })
    const { code, stdout } = await release.run(['test', 'agentos'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Phase:\s+Succeeded/)])
    expect(await api.list('v1', 'Pod', namespace, 'app.kubernetes.io/component=test')).toEqual([])
    expect(await release.run(['uninstall', 'agentos', '--wait'])).toMatchObject({ code: 0 })
  }
})

describe('without Helm in the cluster, as GitOps does it', () => {
  const gitOps = {
    database,
    replicaCount: 2,
    initDb: { enabled: true, mode: 'job', adminCredentials: { secretName: 'admin' } },
    migrations: { enabled: true, mode: 'job' },
    externalSecrets: {
      enabled: true,
      hooks: 'never',
      secretStoreRef: { name: 'store' },
      secrets: { db_pass: { remoteRef: { key: 'db' } } },
    },
  }
  test('rendered objects are applied by the server, a second time without any change, and a change makes new Jobs', async () => {
    const namespace = 'gitops'
    await makeNamespace(api, namespace)
    const apply = async (values: Values) => {
      const objects = await renderIn(namespace, { values })
      for (const object of objects) expect([object.kind, await api.apply(object)]).toEqual([object.kind, undefined])
      const live = await Promise.all(
        objects.map(({ apiVersion, kind, metadata }) => api.get(apiVersion, kind, namespace, metadata.name)),
      )
      return live.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid} ${metadata.generation}`)
    }
    const first = await apply(gitOps)
    await waitForPods(api, { namespace, name: 'agentos' })
    expect(await apply(gitOps)).toEqual(first)
    const changed = await apply({ ...gitOps, database: { ...database, appUser: 'other' } })
    expect(changed.filter((line) => line.startsWith('Job') && first.includes(line))).toEqual([])
  })

  test('hooks are ordinary objects there', async () => {
    const namespace = 'plain-hooks'
    await makeNamespace(api, namespace)
    const file = listScenarios().find(({ name }) => name === 'requirements')?.file ?? ''
    const objects = await renderIn(namespace, { valuesFiles: [file] })
    expect(
      objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined).length,
    ).toBeGreaterThan(3)
    for (const turn of [1, 2]) {
      for (const object of objects)
        expect([turn, object.kind, await api.apply(object)]).toEqual([turn, object.kind, undefined])
    }
    await waitForPods(api, { namespace, name: 'agentos' })
  })
})

test('the server would take every kept file', async () => {
  for (const namespace of ['agents', 'desks']) await makeNamespace(api, namespace)
  const files = globSync(join(GOLDEN, '*.yaml'))
  expect(files.length).toBeGreaterThan(10)
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      // Helm has rendered it.
      const object = document.toJS() as KubernetesObject | null
      if (object === null) continue
      expect([file, object.kind, await api.apply(object, { dryRun: true })]).toEqual([file, object.kind, undefined])
    }
  }
})

type Endpoints = Live & { readonly endpoints?: readonly { readonly targetRef: { readonly name: string } }[] }

/** @returns names of the pods behind the Services of a release, sorted */
async function listTargets(namespace: string, release: string): Promise<readonly string[]> {
  const labels = `app.kubernetes.io/instance=${release}`
  const slices = await api.list('discovery.k8s.io/v1', 'EndpointSlice', namespace, labels)
  return slices
    .flatMap((slice) => (slice as Endpoints).endpoints ?? [])
    .map(({ targetRef }) => targetRef.name)
    .toSorted()
}

async function renderIn(namespace: string, options: { values?: Values; valuesFiles?: readonly string[] }) {
  const given = { ...options, values: { ...options.values, namespaceOverride: namespace } }
  const objects = await renderObjects({ helm: helm4, ...given })
  return objects.filter(({ kind }) => kind !== 'Pod')
}
