/**
 * What goes wrong in clusters: each mistake ends in a state that kubectl shows and a sentence that says what to do, harms nothing
 * that works, and is put right without a new install.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { agentSource } from '../agents-folder.ts'
import { until } from '../condition.ts'
import { runSql } from '../database.ts'
import { queueRun, waitForRest } from '../run-requests.ts'
import { fake } from '../script.ts'
import { createFigures } from './figures.ts'
import type { Pod, Values } from './kubectl.ts'
import { listPods, podUrl, serviceUrl, untilSeen, waitForPods, waitForService } from './pods.ts'
import { ADMIN_SECRET, EAGER_SYNC, makeSecrets, openSite, SECRET, settingsOf, type Site } from './site.ts'

const RELEASE = 'agentos'
const LOG_LIMIT_MS = 240_000
/** Each look is a kubectl. */
const LOG_LOOK_MS = 1000
const { tell } = createFigures()

/** Grows until somebody stops it: within JavaScript's heap, or beside it. */
const GLUTTON = `import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
const kept = []
const eat = (name, bite) => tool({
  name, description: 'Eats', input: z.object({ id: z.string() }),
  run: async () => {
    for (;;) {
      kept.push(bite())
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
})
export default agent({ id: 'glutton', name: 'Glutton', tools: [
  eat('heap', () => new Array(500000).fill(0.5)),
  eat('buffers', () => Buffer.alloc(16 * 1024 * 1024, 1)),
] })
`

const GOOD = { 'agents/worker.ts': agentSource('worker'), 'agents/glutton.ts': GLUTTON }

let site: Site
beforeAll(async () => {
  site = await openSite('trouble', EAGER_SYNC)
  await site.push(GOOD)
})
afterAll(() => site?.[Symbol.asyncDispose]())

const quick = (more: Values = {}): Values => ({ ...site.values, replicaCount: 1, ...more })
const withoutInit = (more: Values = {}) => quick({ initDb: { enabled: false }, ...more })

/** Why a container of a pod waits, or how it ended last. */
function troubleOf(pod: Pod | undefined): string {
  const states = [...(pod?.status.initContainerStatuses ?? []), ...(pod?.status.containerStatuses ?? [])]
  return states
    .map(({ name, state }) => `${name}: ${state.waiting?.reason ?? ''} ${state.waiting?.message ?? ''}`)
    .join('\n')
}

const waitForTrouble = (release: string, pattern: RegExp) =>
  untilSeen(`a pod of ${release} to say ${pattern}`, async () =>
    (await listPods(site.namespace, release)).some((pod) => pattern.test(troubleOf(pod))),
  )

const logsOf = (what: string, container?: string, ...more: readonly string[]) =>
  site.namespace.kubectl(['logs', what, '--tail=60', ...more, ...(container === undefined ? [] : ['-c', container])])

const waitForLog = (what: string, pattern: RegExp, container?: string) =>
  until(
    `${what} to log ${pattern}`,
    async () => pattern.test(await logsOf(what, container).catch(() => '')),
    LOG_LIMIT_MS,
    LOG_LOOK_MS,
  )

async function run(release: string): Promise<unknown> {
  const client = createClient({ baseUrl: await serviceUrl(site.namespace, release) })
  return (await client.run('worker', { message: fake({ text: 'fine' }) })).content
}

test('says that the administrator of the database is wrong, and goes on when that is put right', async () => {
  await makeSecrets(site)
  await site.namespace.putSecret(ADMIN_SECRET, { ...site.database.admin, password: 'not the password' })
  const values = quick({ initDb: { enabled: true, backoffLimit: 0, adminCredentials: { secretName: ADMIN_SECRET } } })
  const failed = await site.namespace.tryHelm('install', RELEASE, { values, args: ['--timeout', '200s'] })
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/agentos-init-db|pre-install/)
  const said = await logsOf('job/agentos-init-db')
  expect(said).toMatch(/password authentication failed for user "trouble_admin"/)
  expect(said).toMatch(/Check PGUSER and PGPASSWORD/)
  expect(said).not.toContain('not the password')
  expect(await listPods(site.namespace, RELEASE)).toEqual([])

  await site.namespace.putSecret(ADMIN_SECRET, site.database.admin)
  await site.namespace.helm('upgrade', RELEASE, { values, args: ['--install', '--wait', '--timeout', '200s'] })
  await waitForService(site.namespace, RELEASE)
  expect(await run(RELEASE)).toBe('fine')
})

test('waits for a Secret that is missing, and starts when it is there', async () => {
  await site.namespace.helm('install', 'keyless', { values: withoutInit({ auth: { secretName: 'clients' } }) })
  await waitForTrouble('keyless', /CreateContainerConfigError secret "clients" not found/)
  await site.namespace.putSecret('clients', { os_security_key: 'a-key-of-clients' })
  const made = performance.now()
  const [pod] = await waitForPods(site.namespace, 'keyless', 1)
  expect(pod!.status.containerStatuses?.[0]?.restartCount).toBe(0)
  tell('missing Secret: seconds from its making to ready', (performance.now() - made) / 1000)
  await site.namespace.helm('uninstall', 'keyless')
})

test('keeps serving when the name of a new image is wrong', async () => {
  const failed = await site.namespace.tryHelm('upgrade', RELEASE, {
    values: withoutInit({ image: { tag: 'no-such-version' } }),
    args: ['--wait', '--timeout', '15s'],
  })
  expect(failed.code).toBe(1)
  await waitForTrouble(RELEASE, /ErrImagePull|ImagePullBackOff/)
  expect((await listPods(site.namespace, RELEASE)).length).toBe(2)
  expect(await run(RELEASE)).toBe('fine')
  await site.namespace.helm('upgrade', RELEASE, { values: withoutInit(), args: ['--wait', '--timeout', '200s'] })
  await waitForPods(site.namespace, RELEASE, 1)
})

test('waits with a wrong password of the database, and starts when the Secret is put right', async () => {
  await site.namespace.putSecret('stale', { db_pass: 'not the password' })
  const values = withoutInit({
    database: { ...(site.values['database'] as Values), passwordSecretName: 'stale' }, // a map in site.ts
  })
  await site.namespace.helm('install', 'stale', { values })
  await waitForLog('deployment/stale-agentos', /password authentication failed/, 'agentos')
  await site.namespace.putSecret('stale', { db_pass: site.database.password })
  const mended = performance.now()
  const [pod] = await waitForPods(site.namespace, 'stale', 1)
  tell('wrong password: seconds from the right Secret to ready', (performance.now() - mended) / 1000)
  tell('wrong password: restarts meanwhile', pod!.status.containerStatuses?.[0]?.restartCount ?? 0)
  await waitForService(site.namespace, 'stale')
  expect(await run('stale')).toBe('fine')
  await site.namespace.helm('uninstall', 'stale')
})

test('takes up a password that was rotated, without a restart', async () => {
  const [before] = await waitForPods(site.namespace, RELEASE, 1)
  tell('rotated password: seconds until all is well again', await rotatePassword(before!, 'another p@ss/w?rd'))
  const [after] = await waitForPods(site.namespace, RELEASE, 1)
  expect(after!.metadata.uid).toBe(before!.metadata.uid)
  expect(after!.status.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0])
  await rotatePassword(before!, site.database.password)
})

/** @returns seconds until runs are answered and the pod is ready, by connections that were made with the new password */
async function rotatePassword(pod: Pod, password: string): Promise<number> {
  const admin = inject('node').postgresUrl
  const { user } = site.database
  await runSql(admin, `alter role "${user}" password '${password.replaceAll("'", "''")}'`)
  await site.namespace.putSecret(SECRET, { db_pass: password, os_security_key: 'a-key-of-clients' })
  const rotated = performance.now()
  await runSql(admin, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${user}'`)
  const client = createClient({ baseUrl: podUrl(pod) })
  await untilSeen('the new password to be taken up', async () => {
    const answer = await run(RELEASE).catch(() => undefined)
    return answer === 'fine' && (await client.ready()).ready
  })
  return (performance.now() - rotated) / 1000
}

describe('with the agents of a Git host', () => {
  afterEach(serveGood)

  test('serves the last good revision after a push that does not load, and says which file is wrong', async () => {
    const [pod] = await waitForPods(site.namespace, RELEASE, 1)
    const client = createClient({ baseUrl: podUrl(pod!) })
    const { revision: good } = await client.ready()
    const broken = await site.push({ 'agents/worker.ts': 'export default agent({ id: }' })
    const state = await untilSeen('the broken revision to be tried', async () => {
      const ready = await client.ready()
      return ready.desired === broken && ready.error !== null && ready
    })
    expect(state).toMatchObject({ ready: true, degraded: true, revision: good })
    expect(state.files.find(({ path }) => path.endsWith('worker.ts'))).toMatchObject({ outcome: 'error' })
    expect(await run(RELEASE)).toBe('fine')
  })

  test('goes on without its Git host, holds new pods back, and follows it again when it is back', async () => {
    const [pod] = await waitForPods(site.namespace, RELEASE, 1)
    const client = createClient({ baseUrl: podUrl(pod!) })
    await site.gitHost.stop()
    await site.namespace.helm('install', 'early', { values: withoutInit() })
    await waitForLog('deployment/early-agentos', /Connection refused|unable to connect/i, 'git-sync')
    const [early] = await listPods(site.namespace, 'early')
    expect(troubleOf(early)).toMatch(/agentos: PodInitializing/)
    expect(await run(RELEASE)).toBe('fine')
    expect((await client.ready()).ready).toBe(true)
    await site.gitHost.start()
    const back = performance.now()
    await waitForPods(site.namespace, 'early', 1)
    tell('Git host back: seconds until a first pod is ready', (performance.now() - back) / 1000)
    await serveGood()
    await site.namespace.helm('uninstall', 'early')
  })

  async function serveGood(): Promise<void> {
    const revision = await site.push(GOOD)
    const [pod] = await waitForPods(site.namespace, RELEASE, 1)
    const client = createClient({ baseUrl: podUrl(pod!) })
    await untilSeen('a good revision to be served', async () => (await client.ready()).revision === revision)
  }
})

describe('with an agent that eats memory', () => {
  // A worker at its limit takes more than its heap, and two of them are there while one is replaced.
  const limits = { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '1Gi' } }
  const containers = async () =>
    (await listPods(site.namespace, RELEASE)).map(({ status }) => ({
      restarts: status.containerStatuses?.[0]?.restartCount ?? 0,
      ended: status.containerStatuses?.[0]?.lastState.terminated,
    }))

  test('ends the worker when its heap is full, keeps the server, and asks about the tool', async () => {
    const config = { ...settingsOf(site.provider), AGENTOS_WORKER_HEAP_MB: '128' }
    await site.namespace.helm('upgrade', RELEASE, {
      values: withoutInit({ resources: limits, server: { config } }),
      args: ['--wait', '--timeout', '200s'],
    })
    await waitForPods(site.namespace, RELEASE, 1)
    const url = await waitForService(site.namespace, RELEASE)
    const { accepted, innocent } = await eat(url, 'heap')
    expect((await waitForRest(url, accepted, 200_000)).status).toBe('PAUSED')
    expect((await waitForRest(url, innocent, 200_000)).status).toBe('COMPLETED')
    const ends = await containers()
    if (ends.some(({ restarts }) => restarts > 0))
      tell('full heap: last words of the server', await logsOf(`deployment/${RELEASE}`, 'agentos', '--previous'))
    expect(ends).toEqual([{ restarts: 0, ended: undefined }])
  })

  test('starts again when the limit of the pod is hit, and recovers the runs', async () => {
    const url = await serviceUrl(site.namespace, RELEASE)
    const started = performance.now()
    const { accepted, innocent } = await eat(url, 'buffers')
    const [killed] = await untilSeen(
      'the container to be killed',
      async () => (await containers()).some(({ restarts }) => restarts > 0) && containers(),
      200_000,
    )
    // Whether containerd hears of the kernel's reason before it sees the end is a race: without it the kubelet says `Error`.
    expect(killed).toMatchObject({
      restarts: 1,
      ended: { exitCode: 137, reason: expect.stringMatching(/OOMKilled|Error/) },
    })
    expect((await waitForRest(url, accepted, 200_000)).status).toBe('PAUSED')
    expect((await waitForRest(url, innocent, 200_000)).status).toBe('COMPLETED')
    tell('memory limit: seconds from the run to all runs at rest', (performance.now() - started) / 1000)
  })

  async function eat(url: string, tool: string) {
    const innocent = await queueRun(url, 'worker', { message: fake({ tokens: 60, rate: 5 }) })
    const accepted = await queueRun(url, 'glutton', { message: fake({ tool, args: { id: 'a' } }) })
    return { accepted, innocent }
  }
})
