/** Workers beside servers: the same pods but for what the values say, and all that counts, selects or watches pods knows both. */
import { beforeAll, expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { renderNotes, renderObjects, type Values } from './helm.ts'
import { findObject, findPods, type KubernetesObject, type Pod } from './objects.ts'

let helm: string
beforeAll(async () => {
  helm = (await installChartTools()).helm4
})

const WITH_ALL = {
  database: { host: 'db.example.com' },
  replicaCount: 3,
  gitSync: { enabled: true, repo: 'https://git.example.com/a.git' },
  istio: { enabled: true, gateway: 'ns/gw', hostname: 'a.example.com' },
  networkPolicy: { enabled: true },
  observability: { podMonitor: { enabled: true }, rules: { enabled: true } },
}
const render = (workers: Values, more: Values = {}) =>
  renderObjects({ helm, values: { ...WITH_ALL, ...more, workers: { enabled: true, ...workers } } })
const ofWorkers = ({ metadata }: KubernetesObject) => metadata.name.includes('worker')

function podOf(objects: readonly KubernetesObject[], name: string): Pod {
  const [pod] = findPods([findObject(objects, 'Deployment', name)])
  if (pod === undefined) throw new Error(`${name} has no pod`)
  return pod
}

const settingsOf = (objects: readonly KubernetesObject[], name: string) =>
  findObject(objects, 'ConfigMap', `${name}-config`).data ?? {}

test('without workers there is no object of theirs, and with them those of the servers stay but for two settings', async () => {
  const [off, on] = await Promise.all([renderObjects({ helm, values: WITH_ALL }), render({})])
  expect(off.filter(ofWorkers)).toEqual([])
  const { AGENTOS_MAX_BACKGROUND_RUNS, AGENTOS_KNOWLEDGE_JOBS, ...rest } = settingsOf(on, 'agentos')
  expect([AGENTOS_MAX_BACKGROUND_RUNS, AGENTOS_KNOWLEDGE_JOBS]).toEqual(['0', '0'])
  expect(rest).toEqual(settingsOf(off, 'agentos'))
  expect(podOf(on, 'agentos').spec).toEqual(podOf(off, 'agentos').spec)
})

test('a worker is a pod of the servers but for its component, its settings and the wait for requests', async () => {
  const objects = await render({})
  const server = podOf(objects, 'agentos')
  const worker = podOf(objects, 'agentos-worker')
  const text = JSON.stringify(worker.spec).replaceAll('agentos-worker-config', 'agentos-config')
  const alike = JSON.parse(
    text.replaceAll('"app.kubernetes.io/component":"worker"', '"app.kubernetes.io/component":"server"'),
  )
  alike.containers[0].lifecycle = server.spec.containers[0]?.lifecycle
  // Ten seconds less, in the pod and in what git-sync keeps for it.
  const args = server.spec.initContainers?.[0]?.args?.map((arg) => arg.replace('3745s', '3735s'))
  expect(alike).toMatchObject({ terminationGracePeriodSeconds: 135, initContainers: [{ args }] })
  alike.terminationGracePeriodSeconds = server.spec.terminationGracePeriodSeconds
  alike.initContainers[0].args = server.spec.initContainers?.[0]?.args
  expect(alike).toEqual(server.spec)
  expect(worker.spec.containers[0]?.lifecycle).toBeUndefined()
  expect(worker.metadata.labels).toEqual({ ...server.metadata.labels, 'app.kubernetes.io/component': 'worker' })
})

test('a worker has the settings of the servers and its own over them, and no 0', async () => {
  const server = { config: { AGENTOS_LOG_LEVEL: 'debug', AGENTOS_MAX_RUNS: 100 } }
  const config = { AGENTOS_MAX_BACKGROUND_RUNS: 20, AGENTOS_MAX_RUNS: 50 }
  const objects = await render({ config, drain: { timeoutSeconds: 300 } }, { server })
  expect(settingsOf(objects, 'agentos')).toMatchObject({ AGENTOS_MAX_RUNS: '100', AGENTOS_DRAIN_TIMEOUT_MS: '120000' })
  const settings = settingsOf(objects, 'agentos-worker')
  expect(settings).toMatchObject({
    AGENTOS_LOG_LEVEL: 'debug',
    AGENTOS_MAX_RUNS: '50',
    AGENTOS_MAX_BACKGROUND_RUNS: '20',
    AGENTOS_DRAIN_TIMEOUT_MS: '300000',
  })
  expect(settings).not.toHaveProperty('AGENTOS_KNOWLEDGE_JOBS')
  expect(podOf(objects, 'agentos-worker').spec.terminationGracePeriodSeconds).toBe(315)
})

test('what workers say of their pods holds for theirs alone', async () => {
  const own = {
    resources: { requests: { cpu: '4', memory: '8Gi' } },
    nodeSelector: { pool: 'batch' },
    tolerations: [{ key: 'batch', operator: 'Exists' }],
    priorityClassName: 'low',
    affinity: { nodeAffinity: {} },
    topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'ScheduleAnyway' }],
  }
  const objects = await render(
    { ...own, podAnnotations: { team: 'b' } },
    { podAnnotations: { team: 'a', keep: 'yes' } },
  )
  const { resources, ...ofPod } = own
  expect(podOf(objects, 'agentos-worker').spec).toMatchObject({ ...ofPod, containers: [{ resources }] })
  expect(podOf(objects, 'agentos-worker').metadata.annotations).toMatchObject({ team: 'b', keep: 'yes' })
  const server = podOf(objects, 'agentos')
  expect(server.spec).toMatchObject({ containers: [{ resources: { requests: { cpu: '1' } } }] })
  expect(server.metadata.annotations).toMatchObject({ team: 'a' })
  for (const key of ['nodeSelector', 'tolerations', 'priorityClassName']) expect(server.spec).not.toHaveProperty(key)
})

test('the Service and what leads to it reach no worker; budget, policy and monitor are there once for each kind', async () => {
  const monitoring = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }]
  const [objects, watched] = await Promise.all([
    render({}),
    render({}, { networkPolicy: { enabled: true, metricsFrom: monitoring } }),
  ])
  expect(findObject(objects, 'Service').spec).toMatchObject({
    selector: { 'app.kubernetes.io/component': 'server' },
  })
  const pairs = ['NetworkPolicy', 'PodDisruptionBudget', 'PodMonitor', 'Deployment', 'ConfigMap'].map((kind) => [
    kind,
    objects
      .filter((object) => object.kind === kind)
      .map(({ metadata }) => metadata.labels?.['app.kubernetes.io/component']),
  ])
  for (const [kind, components] of pairs) expect([kind, components]).toEqual([kind, ['server', 'worker']])
  const policy = findObject(objects, 'NetworkPolicy', 'agentos-worker').spec as { ingress: unknown; egress: unknown }
  expect(policy.ingress).toEqual([])
  expect(findObject(watched, 'NetworkPolicy', 'agentos-worker').spec?.['ingress']).toEqual([
    { ports: [9090, 1234].map((port) => ({ port, protocol: 'TCP' })), from: monitoring },
  ])
  expect(policy.egress).toEqual(findObject(objects, 'NetworkPolicy', 'agentos').spec?.['egress'])
})

test('KEDA counts the work of workers for them, and servers go by their own autoscaler', async () => {
  const objects = await render(
    { keda: { enabled: true, minReplicas: 0, maxReplicas: 20 } },
    { autoscaling: { enabled: true, maxReplicas: 4 } },
  )
  const scaled = objects.filter(({ kind }) => kind === 'ScaledObject')
  expect(scaled).toMatchObject([
    { spec: { scaleTargetRef: { name: 'agentos-worker' }, minReplicaCount: 0, maxReplicaCount: 20 } },
  ])
  expect(JSON.stringify(scaled)).toContain('agentos_knowledge_contents')
  const autoscalers = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
  expect(autoscalers).toMatchObject([{ spec: { scaleTargetRef: { name: 'agentos' }, maxReplicas: 4 } }])
  for (const name of ['agentos', 'agentos-worker']) {
    expect(findObject(objects, 'Deployment', name).spec).not.toHaveProperty('replicas')
  }
})

test('an autoscaler of their own counts workers, and Prometheus is asked for their runs alone', async () => {
  const prometheus = { serverAddress: 'http://prometheus:9090' }
  const [byCpu, byRuns] = await Promise.all([
    render({ autoscaling: { enabled: true } }),
    render({ keda: { enabled: true, prometheus } }),
  ])
  expect(findObject(byCpu, 'HorizontalPodAutoscaler', 'agentos-worker').spec).toMatchObject({
    scaleTargetRef: { name: 'agentos-worker' },
  })
  expect(findObject(byCpu, 'Deployment', 'agentos').spec).toMatchObject({ replicas: 3 })
  expect(JSON.stringify(findObject(byRuns, 'ScaledObject').spec)).toContain('pod=~\\"agentos-worker-.*\\"')
})

test('alerts tell servers that are gone from workers that are, where the monitors tell which is which', async () => {
  const alertsOf = (objects: readonly KubernetesObject[]) =>
    JSON.stringify(findObject(objects, 'PrometheusRule').spec).match(/AgentOS(Servers|Workers)Down/g) ?? []
  expect(alertsOf(await render({}))).toEqual(['AgentOSServersDown', 'AgentOSWorkersDown'])
  expect(alertsOf(await render({ keda: { enabled: true, minReplicas: 0 } }))).toEqual(['AgentOSServersDown'])
  expect(alertsOf(await render({}, { observability: { rules: { enabled: true } } }))).toEqual([])
  expect(alertsOf(await renderObjects({ helm, values: WITH_ALL }))).toEqual([])
  for (const { spec } of (await render({})).filter(({ kind }) => kind === 'PodMonitor')) {
    expect(spec).toMatchObject({ podTargetLabels: ['app.kubernetes.io/component'] })
  }
})

test('names stay within what Kubernetes takes, however long the release is called', async () => {
  const release = 'a-release-with-a-name-as-long-as-helm-lets-it-be-53-c'
  const values = { ...WITH_ALL, workers: { enabled: true, keda: { enabled: true } } }
  const objects = await renderObjects({ helm, values, release })
  for (const { metadata } of objects.filter(ofWorkers)) expect(metadata.name.length).toBeLessThanOrEqual(63)
})

test('the notes tell how many workers there are and the connections of all pods', async () => {
  const workers = { enabled: true, keda: { enabled: true, minReplicas: 1, maxReplicas: 6 } }
  const notes = await renderNotes({ helm, values: { ...WITH_ALL, workers } })
  expect(notes).toMatch(/workers +1 to 6, which take the queue/)
  expect(notes).toContain('up to 288 connections')
})
