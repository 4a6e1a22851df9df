/**
 * The first install on an empty cluster and an empty PostgreSQL, by the chart's own defaults: everything that the pods need is
 * fetched, made and migrated in one go. Then what stays of it, and what a second install finds.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentSource } from '../agents-folder.ts'
import { createFigures } from './figures.ts'
import type { KubeObject, Values } from './kubectl.ts'
import { processesOf, serviceUrl, untilSeen, waitForPods, waitForService } from './pods.ts'
import { openSite, type Site } from './site.ts'

const RELEASE = 'agentos'
const KEY = 'a-key-that-clients-send'
const MODEL_KEY = 'sk-of-the-model-provider'
const { tell } = createFigures()

let site: Site
beforeAll(async () => {
  site = await openSite('first')
  await site.push({ 'agents/worker.ts': agentSource('worker') })
})
afterAll(() => site?.[Symbol.asyncDispose]())

/** Secrets by a provider, both Jobs, and the probes and waits that the chart has by itself. */
function values(): Values {
  const { readinessProbe: _r, startupProbe: _s, minReadySeconds: _m, drain: _d, envFrom: _e, ...rest } = site.values
  const json = (value: object) => ({ value: JSON.stringify(value) })
  const data = [
    { key: '/prod/agentos', ...json({ password: site.database.password, key: KEY, model: MODEL_KEY }) },
    { key: '/prod/postgres', ...json(site.database.admin) },
  ]
  return {
    ...rest,
    auth: {},
    initDb: { enabled: true },
    migrations: { enabled: true },
    externalSecrets: {
      enabled: true,
      secretStoreRef: { name: 'vault' },
      secretStore: { create: true, provider: { fake: { data } } },
      secrets: {
        db_pass: { remoteRef: { key: '/prod/agentos', property: 'password' } },
        openai_compatible_api_key: { remoteRef: { key: '/prod/agentos', property: 'model' } },
        os_security_key: { remoteRef: { key: '/prod/agentos', property: 'key' } },
      },
      rdsCredentials: {
        enabled: true,
        secretStoreRef: { name: 'vault', kind: 'SecretStore' },
        remoteRef: {
          usernameKey: '/prod/postgres',
          usernameProperty: 'username',
          passwordKey: '/prod/postgres',
          passwordProperty: 'password',
        },
      },
    },
  }
}

/** @returns milliseconds until somebody answers a run */
async function timeFirstRun(): Promise<number> {
  const started = performance.now()
  const url = await untilSeen('the Service', () => serviceUrl(site.namespace, RELEASE).catch(() => undefined))
  const client = createClient({ baseUrl: url, key: KEY })
  for (;;) {
    const run = await client.run('worker', { message: '[fake:text=hello]' }).catch(() => undefined)
    if (run?.status === 'COMPLETED') return performance.now() - started
    if (performance.now() - started > 240_000) throw new Error('nobody answered')
    await sleep(100)
  }
}

test('answers a run soon after the first install, with every object in its order', async () => {
  const started = performance.now()
  const firstRun = timeFirstRun()
  await site.namespace.helm('install', RELEASE, { values: values(), args: ['--wait', '--timeout', '300s'] })
  tell('seconds from helm install to all pods available', (performance.now() - started) / 1000)
  tell('seconds from helm install to the first answered run', (await firstRun) / 1000)

  const created = async (kind: string, name: string) => {
    const object = JSON.parse(await site.namespace.kubectl(['get', kind, name, '-o', 'json'])) as KubeObject & {
      status?: { completionTime?: string }
    }
    return { at: Date.parse(object.metadata.creationTimestamp), done: Date.parse(object.status?.completionTime ?? '') }
  }
  const store = await created('secretstore', 'vault')
  const secrets = await created('externalsecret', `${RELEASE}-secrets`)
  const admin = await created('externalsecret', `${RELEASE}-rds-credentials`)
  const initDb = await created('job', `${RELEASE}-init-db`)
  const migrate = await created('job', `${RELEASE}-migrate`)
  const server = await created('deployment', RELEASE)
  expect(store.at).toBeLessThanOrEqual(secrets.at)
  expect(Math.max(secrets.at, admin.at)).toBeLessThanOrEqual(initDb.at)
  expect(initDb.done).toBeLessThanOrEqual(migrate.at)
  expect(migrate.done).toBeLessThanOrEqual(server.at)
})

test('runs every container restricted: without root, capabilities or a root that can be written', async () => {
  const [pod] = await waitForPods(site.namespace, RELEASE, 2)
  for (const container of ['agentos', 'git-sync']) {
    const [first] = await processesOf(pod!, container)
    const status = await readFile(`/proc/${first}/status`, 'utf8')
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]
    expect({ container, uid: field('Uid'), gid: field('Gid') }).toEqual({
      container,
      uid: '61000\t61000\t61000\t61000',
      gid: '61000\t61000\t61000\t61000',
    })
    expect({ container, effective: field('CapEff'), bounding: field('CapBnd') }).toEqual({
      container,
      effective: '0000000000000000',
      bounding: '0000000000000000',
    })
    expect({ container, gains: field('NoNewPrivs'), seccomp: field('Seccomp') }).toEqual({
      container,
      gains: '1',
      seccomp: '2',
    })
    const mounts = await readFile(`/proc/${first}/mounts`, 'utf8')
    expect(mounts.split('\n').find((line) => line.split(' ')[1] === '/')).toMatch(/ ro,/)
  }
})

test('leaves the Secrets, the ExternalSecrets and the database behind when it is removed, and nothing else', async () => {
  const client = createClient({ baseUrl: await serviceUrl(site.namespace, RELEASE), key: KEY })
  const run = await client.run('worker', { message: '[fake:text=remember]' })
  await site.namespace.helm('uninstall', RELEASE, { args: ['--wait', '--timeout', '200s'] })
  await untilSeen('the pods to be gone', async () => !(await site.namespace.pods()).some(isServer))
  const kinds =
    'deployments,services,serviceaccounts,configmaps,pods,poddisruptionbudgets,jobs,secrets,externalsecrets,secretstores'
  const { items: left } = JSON.parse(await site.namespace.kubectl(['get', kinds, '-o', 'json'])) as {
    items: readonly KubeObject[]
  }
  const names = left.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  expect(names.filter((name) => !/^(Pod|ConfigMap kube-root-ca|ServiceAccount default)/.test(name)).toSorted()).toEqual(
    [
      'ConfigMap agentos-init-db',
      'ExternalSecret agentos-rds-credentials',
      'ExternalSecret agentos-secrets',
      'Job agentos-init-db',
      'Job agentos-migrate',
      'Secret agentos-secrets',
      'Secret rds-credentials',
      'SecretStore vault',
    ],
  )

  const { readinessProbe, startupProbe, minReadySeconds } = site.values
  const quick = { ...values(), readinessProbe, startupProbe, minReadySeconds, replicaCount: 1 }
  await site.namespace.helm('install', RELEASE, { values: quick, args: ['--wait', '--timeout', '300s'] })
  const again = createClient({ baseUrl: await waitForService(site.namespace, RELEASE), key: KEY })
  expect((await again.getRun('worker', run.run_id, run.session_id)).content).toBe('remember')
})

function isServer({ metadata }: KubeObject): boolean {
  return metadata.labels?.['app.kubernetes.io/component'] === 'server'
}
