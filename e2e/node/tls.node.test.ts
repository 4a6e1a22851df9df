/**
 * A database that takes TLS only, with a certificate of an authority that the cluster is told of.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NODE_ADDRESS } from '../../tools/node/node-settings.ts'
import { startTlsPostgres, type TlsPostgres } from '../../tools/node/tls-postgres.ts'
import { agentSource } from '../agents-folder.ts'
import { until } from '../condition.ts'
import { fake } from '../script.ts'
import type { Values } from './kubectl.ts'
import { waitForService } from './pods.ts'
import { ADMIN_SECRET, makeSecrets, openSite, type Site } from './site.ts'

let site: Site
let postgres: TlsPostgres
beforeAll(async () => {
  postgres = await startTlsPostgres(NODE_ADDRESS)
  site = await openSite('tls')
  await site.push({ 'agents/worker.ts': agentSource('worker') })
  await makeSecrets(site)
  const { username, password } = new URL(postgres.url)
  await site.namespace.putSecret(ADMIN_SECRET, { username, password })
  await site.namespace.putSecret('database-ca', { 'ca.crt': postgres.authority })
  await site.namespace.putSecret('other-ca', { 'ca.crt': postgres.otherAuthority })
})
afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
})

function values(secretName: string, method: 'psql' | 'server'): Values {
  const { port } = new URL(postgres.url)
  return {
    ...site.values,
    replicaCount: 1,
    database: {
      ...(site.values['database'] as Values), // a map in site.ts
      port: Number(port),
      sslMode: 'verify-full',
      ca: { secretName },
    },
    // Debian has no pgvector.
    initDb: {
      enabled: true,
      method,
      extensions: [],
      backoffLimit: 0,
      adminCredentials: { secretName: ADMIN_SECRET },
    },
  }
}

test.each(['psql', 'server'] as const)(
  'sets a database up by %s only when its certificate is vouched for',
  async (method) => {
    const withoutServers = { replicaCount: 0 }
    const refused = await site.namespace.tryHelm('install', `other-${method}`, {
      values: { ...values('other-ca', method), ...withoutServers },
      args: ['--timeout', '200s'],
    })
    expect(refused.code).toBe(1)
    expect(await site.namespace.kubectl(['logs', `job/other-${method}-agentos-init-db`])).toMatch(/certificate/)
    const accepted = await site.namespace.tryHelm('install', method, {
      values: { ...values('database-ca', method), ...withoutServers },
      args: ['--timeout', '200s'],
    })
    expect(accepted).toMatchObject({ code: 0 })
    await site.namespace.helm('uninstall', method)
  },
)

test('serves over TLS, and refuses a database that nobody vouches for', async () => {
  await site.namespace.helm('install', 'agentos', {
    values: values('database-ca', 'psql'),
    args: ['--wait', '--timeout', '200s'],
  })
  const client = createClient({ baseUrl: await waitForService(site.namespace, 'agentos') })
  expect((await client.run('worker', { message: fake({ text: 'fine' }) })).content).toBe('fine')
  await site.namespace.helm('install', 'mistrust', {
    values: { ...values('other-ca', 'psql'), initDb: { enabled: false } },
  })
  await until(
    'the server to say why it does not start',
    async () =>
      /certificate/.test(
        await site.namespace
          .kubectl(['logs', 'deployment/mistrust-agentos', '-c', 'agentos', '--tail=20'])
          .catch(() => ''),
      ),
    240_000,
    // Each look is a kubectl.
    1000,
  )
})
