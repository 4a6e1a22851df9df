import { cp, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { CHART, listScenarios, renderObjects, type Values } from './helm.ts'
import { containersOf, findObject, findPods, type KubernetesObject, nameOf, type Pod } from './objects.ts'
import { findPodSecurityProblems } from './pod-security.ts'

let helm: string
const rendered = new Map<string, readonly KubernetesObject[]>()
beforeAll(async () => {
  helm = (await installChartTools()).helm4
  for (const { name, file } of listScenarios()) rendered.set(name, await renderObjects({ helm, valuesFiles: [file] }))
}, 60_000)

const objectsOf = (name: string) => rendered.get(name) ?? []
const render = (values: Values) => renderObjects({ helm, values })

describe.each(listScenarios())('$name', ({ name }) => {
  test('every pod is as Pod Security `restricted` wants it, without a token and without links to services', () => {
    const pods = findPods(objectsOf(name))
    expect(pods.length).toBeGreaterThan(0)
    for (const pod of pods) {
      expect([nameOf(pod.owner), findPodSecurityProblems(pod)]).toEqual([nameOf(pod.owner), []])
      expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    }
  })

  test('every container of the chart has a root it cannot write, a /tmp it can, and no volume by subPath', () => {
    // The pod of `helm test` writes nothing.
    for (const pod of findPods(objectsOf(name)).filter(({ owner }) => owner.kind !== 'Pod')) {
      for (const container of containersOf(pod).filter(isOfChart)) {
        expect([container.name, container.securityContext]).toMatchObject([
          container.name,
          { readOnlyRootFilesystem: true },
        ])
        const paths = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath)
        expect([container.name, paths]).toEqual([container.name, expect.arrayContaining(['/tmp'])])
        expect((container.volumeMounts ?? []).filter(isSubPathOfTree)).toEqual([])
      }
    }
  })

  test('no object holds a secret, and no variable the text of one', () => {
    expect(objectsOf(name).filter(({ kind }) => kind === 'Secret')).toEqual([])
    const given = findPods(objectsOf(name))
      .flatMap(containersOf)
      .flatMap(({ env = [] }) => env)
      .flatMap(({ name: variable, value }) => (value === undefined ? [] : [{ variable, value }]))
    expect(given.filter(({ variable }) => /(PASS|PASSWORD|TOKEN|SECRET|KEY)$/.test(variable))).toEqual([])
    expect(given.filter(({ value }) => /:\/\/[^/@]*:[^/]*@/.test(value))).toEqual([])
    expect(given.filter(({ variable, value }) => variable.includes('URL') && value.includes('$('))).toEqual([])
  })

  test('each variable of a container is given once', () => {
    for (const { env = [], name: container } of findPods(objectsOf(name)).flatMap(containersOf)) {
      const names = env.map((variable) => variable.name)
      expect([container, names]).toEqual([container, [...new Set(names)]])
    }
  })

  test('every object says its namespace and carries the recommended labels', () => {
    for (const { kind, metadata } of objectsOf(name).filter(
      ({ metadata }) => !metadata.name.endsWith('-more') && !metadata.name.endsWith('-text'),
    )) {
      expect([kind, metadata.namespace]).toEqual([kind, expect.any(String)])
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/name': 'agentos',
        'app.kubernetes.io/instance': 'agentos',
        'app.kubernetes.io/managed-by': 'Helm',
      })
    }
  })

  test('Service, budget and workloads select the pods of the server and no others', () => {
    const pods = findPods(objectsOf(name))
    const selectors = objectsOf(name).flatMap(({ kind, spec }) => findSelector(kind, spec))
    expect(selectors.length).toBeGreaterThan(1)
    for (const selector of selectors) {
      const selected = pods.filter(({ metadata }) => matches(selector, metadata.labels ?? {}))
      expect(selected.map(({ owner }) => owner.kind)).toEqual(['Deployment'])
    }
  })
})

test('with a mirror every image comes from it', () => {
  const images = findPods(objectsOf('airgap'))
    .flatMap(containersOf)
    .map(({ image }) => image)
  expect(images.length).toBeGreaterThan(2)
  for (const image of images) expect(image).toMatch(/^mirror\.example\.com:5000\//)
})

test('two releases in one namespace have no object in common, and neither selects the pods of the other', async () => {
  const values = {
    database: { host: 'db' },
    initDb: { enabled: true, adminCredentials: { secretName: 'admin' } },
    migrations: { enabled: true },
  }
  const [first, second] = await Promise.all(
    ['first', 'a-second-one-with-a-name-as-long-as-helm-lets-it-be-5'].map((release) =>
      renderObjects({ helm, values, release }),
    ),
  )
  const names = new Set(first?.map(nameOf))
  expect(second?.map(nameOf).filter((name) => names.has(name))).toEqual([])
  const [selector] = first?.flatMap(({ kind, spec }) => findSelector(kind, spec)) ?? []
  for (const { metadata } of findPods(second ?? [])) expect(matches(selector ?? {}, metadata.labels ?? {})).toBe(false)
  for (const { metadata } of second ?? []) expect(metadata.name.length).toBeLessThanOrEqual(63)
})

test('a new version of the chart alone restarts no pod', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-chart-'))
  const chart = join(folder.path, 'agentos')
  await cp(CHART, chart, { recursive: true })
  const file = join(chart, 'Chart.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^version: .*$/m, 'version: 99.0.0'))
  const values = { database: { host: 'db' }, gitSync: { enabled: true, repo: 'https://git.example.com/a.git' } }
  const [now, next] = await Promise.all([CHART, chart].map((chart) => renderObjects({ helm, values, chart })))
  const template = (objects: readonly KubernetesObject[] = []) => findObject(objects, 'Deployment').spec?.['template']
  expect(JSON.stringify(next)).toContain('agentos-99.0.0')
  expect(template(next)).toEqual(template(now))
})

test('one budget orders pre-stop, drain, grace, the proxy of a mesh and the revisions that git-sync keeps', async () => {
  for (const timeoutSeconds of [1, 120, 3600]) {
    const objects = await render({
      database: { host: 'db' },
      drain: { timeoutSeconds },
      istio: { enabled: true, gateway: 'ns/gw', hostname: 'a.example.com' },
      gitSync: { enabled: true, repo: 'https://git.example.com/a.git' },
    })
    const pod = serverPod(objects)
    const server = pod.spec.containers[0]
    const preStop = server?.lifecycle?.preStop?.sleep?.seconds ?? 0
    const drainMs = Number(findVariable(pod, objects, 'AGENTOS_DRAIN_TIMEOUT_MS'))
    const grace = pod.spec.terminationGracePeriodSeconds ?? 0
    expect(drainMs).toBe(timeoutSeconds * 1000)
    expect(grace).toBeGreaterThan(preStop + timeoutSeconds)
    const kept = seconds(
      containersOf(pod)
        .flatMap(({ args = [] }) => args)
        .join(' '),
      /--stale-worktree-timeout[= ](\S+)/,
    )
    expect(kept).toBeGreaterThanOrEqual(grace + 3600)
    const drained = seconds(
      pod.metadata.annotations?.['proxy.istio.io/config'] ?? '',
      /terminationDrainDuration: "?([^\s",}]+)/,
    )
    expect(drained).toBeGreaterThanOrEqual(timeoutSeconds)
  }
})

test('hooks run in the order of what they need: stores, secrets, the database, its schema', () => {
  const hooks = objectsOf('requirements').filter(({ metadata }) =>
    metadata.annotations?.['helm.sh/hook']?.includes('pre-install'),
  )
  const weightOf = ({ metadata }: KubernetesObject) => Number(metadata.annotations?.['helm.sh/hook-weight'] ?? 0)
  const kinds = hooks.toSorted((a, b) => weightOf(a) - weightOf(b)).map(({ kind }) => kind)
  expect(kinds).toContain('ExternalSecret')
  expect(kinds).toContain('Job')
  const secrets = hooks.filter(({ kind }) => kind === 'ExternalSecret').map(weightOf)
  const jobs = hooks.filter(({ kind }) => kind === 'Job').map(weightOf)
  expect(Math.max(...secrets)).toBeLessThan(Math.min(...jobs))
  for (const hook of hooks.filter(({ kind }) => kind === 'ExternalSecret')) {
    const { target } = hook.spec as { target: { creationPolicy: string; deletionPolicy: string } }
    expect(target).toMatchObject({ creationPolicy: 'Orphan', deletionPolicy: 'Retain' })
  }
})

test('the number of pods is left out when something else counts them', () => {
  for (const name of ['autoscaling', 'keda', 'keda-prometheus']) {
    expect(findObject(objectsOf(name), 'Deployment').spec).not.toHaveProperty('replicas')
  }
  expect(findObject(objectsOf('requirements'), 'Deployment').spec).toMatchObject({ replicas: 3 })
})

test('another port of the Service changes nothing of the pods', async () => {
  const values = { database: { host: 'db' } }
  const [plain, other] = await Promise.all([render(values), render({ ...values, service: { port: 80 } })])
  expect(serverPod(other).spec).toEqual(serverPod(plain).spec)
  expect(findObject(other, 'Service').spec).toMatchObject({ ports: [{ port: 80, targetPort: 'http' }] })
})

function isOfChart({ name }: { readonly name: string }): boolean {
  return name !== 'wait' && name !== 'proxy'
}

function isSubPathOfTree({ mountPath, subPath }: { readonly mountPath: string; readonly subPath?: string }): boolean {
  return subPath !== undefined && /^\/(agents|git)/.test(mountPath)
}

function findSelector(kind: string, spec: unknown): readonly Readonly<Record<string, string>>[] {
  const { selector } = (spec ?? {}) as { selector?: { matchLabels?: Record<string, string> } & Record<string, unknown> }
  if (selector === undefined) return []
  if (kind === 'Service') return [selector as Record<string, string>]
  return ['Deployment', 'PodDisruptionBudget', 'PodMonitor'].includes(kind) ? [selector.matchLabels ?? {}] : []
}

function matches(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}

function serverPod(objects: readonly KubernetesObject[]): Pod {
  const [pod] = findPods([findObject(objects, 'Deployment')])
  if (pod === undefined) throw new Error('the Deployment has no pod')
  return pod
}

/** In the container itself or in a ConfigMap that it takes whole. */
function findVariable({ spec }: Pod, objects: readonly KubernetesObject[], name: string): string | undefined {
  const own = spec.containers[0]?.env?.find((variable) => variable.name === name)?.value
  return own ?? objects.find(({ kind, data }) => kind === 'ConfigMap' && data?.[name] !== undefined)?.data?.[name]
}

/** A Go duration in whole units: `3750s`, `1h`, `62m30s`. */
function seconds(text: string, pattern: RegExp): number {
  const [, duration = ''] = pattern.exec(text) ?? []
  const units = { h: 3600, m: 60, s: 1 }
  const parts = [...duration.matchAll(/(\d+)([hms])/g)]
  if (parts.length === 0) throw new Error(`no duration: ${text}`)
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit as keyof typeof units], 0)
}
