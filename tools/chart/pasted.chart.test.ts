import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type ChartTools, installChartTools } from './commands.ts'
import { bothHelms, CHART, renderChart, type Values } from './helm.ts'
import { findInvalidObjects } from './kubeconform.ts'
import { findObject, findPods, type KubernetesObject } from './objects.ts'

const FOLDER = join(import.meta.dirname, 'pasted')
/** Values that somebody has before pasting: a database, and a Secret with its password. */
const OWN: Values = { database: { host: 'db.example.com', passwordSecretName: 'agentos-database' } }

let tools: ChartTools
beforeAll(async () => {
  tools = await installChartTools()
})

/** Renders a snippet over the values that somebody has, with both Helms. */
async function paste(name: string): Promise<readonly KubernetesObject[]> {
  const snippet = parse(await readFile(join(FOLDER, `${name}.yaml`), 'utf8')) as Values
  for (const [, helm] of bothHelms(tools)) {
    const rendering = await renderChart({ helm, values: { ...OWN, ...snippet } })
    if (!rendering.ok) throw new Error(`${name}: ${rendering.error}`)
    expect(await findInvalidObjects(tools, 'v1.36.3', rendering.manifest)).toEqual([])
    if (helm === tools.helm4) return rendering.objects
  }
  throw new Error('no Helm')
}

test('a route of Istio: one host, one gateway, a timeout, no second try of a run', async () => {
  const { apiVersion, spec } = findObject(await paste('istio'), 'VirtualService')
  expect(apiVersion).toBe('networking.istio.io/v1')
  expect(spec).toMatchObject({ hosts: ['agentos.example.com'], gateways: ['istio-ingress/default-gateway'] })
  expect(JSON.stringify(spec)).toContain('"timeout":"3600s"')
  expect(JSON.stringify(spec)).toContain('"retries":{"attempts":0}')
})

test('a database set up before the install, with the image and the Secret that the values name', async () => {
  const job = findObject(await paste('init-db'), 'Job')
  expect(job.metadata.annotations?.['helm.sh/hook']).toContain('pre-install')
  const text = JSON.stringify(job)
  for (const part of ['postgres:17-alpine', '"name":"rds-credentials"', '"key":"username"', '"key":"password"']) {
    expect(text).toContain(part)
  }
})

test('agents from Git: repository, branch, period and token as a file', async () => {
  const objects = await paste('git-sync')
  const [pod] = findPods([findObject(objects, 'Deployment')])
  const gitSync = pod?.spec.initContainers?.find(({ name }) => name === 'git-sync')
  const args = gitSync?.args?.join(' ')
  expect(args).toContain('https://github.com/your-org/your-agents.git')
  expect(args).toMatch(/--ref[= ]main/)
  expect(args).toMatch(/--period[= ]30s/)
  expect(args).toMatch(/--max-failures[= ]-1/)
  expect(args).toMatch(/--username[= ]x-access-token/)
  expect(args).toMatch(/--password-file[= ]\S+\/token/)
  expect(pod?.spec.containers[0]?.args?.join(' ')).toContain('/agents/current/agents')
  expect(JSON.stringify(pod?.spec.containers[0])).not.toContain('git-credentials')
})

test('secrets from a provider: the Secret that the values name, and a variable for each', async () => {
  const objects = await paste('external-secrets')
  const secret = findObject(objects, 'ExternalSecret')
  expect(secret).toMatchObject({
    apiVersion: 'external-secrets.io/v1',
    spec: {
      refreshInterval: '48h',
      secretStoreRef: { name: 'keeper-store', kind: 'SecretStore' },
      target: { name: 'agentos-secrets' },
    },
  })
  const [pod] = findPods([findObject(objects, 'Deployment')])
  expect(pod?.spec.containers[0]?.env).toEqual(
    expect.arrayContaining([
      { name: 'OPENAI_API_KEY', valueFrom: { secretKeyRef: { name: 'agentos-secrets', key: 'openai_api_key' } } },
      { name: 'JIRA_TOKEN', valueFrom: { secretKeyRef: { name: 'agentos-secrets', key: 'jira_token' } } },
    ]),
  )
})

test('credentials of the administrator from another store, for the set-up of the database', async () => {
  const objects = await paste('rds-credentials')
  const secrets = objects.filter(({ kind }) => kind === 'ExternalSecret')
  expect(secrets.map(({ spec }) => spec)).toContainEqual(
    expect.objectContaining({
      secretStoreRef: { name: 'external-secrets-store', kind: 'ClusterSecretStore' },
      target: expect.objectContaining({ name: 'rds-credentials' }),
    }),
  )
  expect(JSON.stringify(findObject(objects, 'Job'))).toContain('"name":"rds-credentials"')
})

test('a variable of the server', async () => {
  const [pod] = findPods([findObject(await paste('env'), 'Deployment')])
  expect(pod?.spec.containers[0]?.env).toContainEqual({
    name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    value: 'http://collector.observability.svc:4318/v1/traces',
  })
})

test('without any values the resources and probes are those that the pages promise', async () => {
  const values = parse(await readFile(join(CHART, 'values.yaml'), 'utf8')) as Values
  expect(values).toMatchObject({
    service: { port: 8000 },
    resources: { requests: { cpu: '1', memory: '2Gi' } },
    livenessProbe: { httpGet: { path: '/health' }, initialDelaySeconds: 30, periodSeconds: 15 },
    readinessProbe: { initialDelaySeconds: 15, periodSeconds: 10 },
    podSecurityContext: { runAsUser: 61_000, runAsNonRoot: true },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    gitSync: { period: '30s' },
    externalSecrets: { refreshInterval: '48h' },
    istio: { timeout: '3600s' },
    initDb: { image: 'postgres:17-alpine' },
  })
})
