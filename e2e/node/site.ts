/**
 * A customer of the cluster: a namespace, agents in Git, a model provider, and an administrator of PostgreSQL who is no
 * superuser; then releases of the chart in it.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { NODE_ADDRESS } from '../../tools/node/node-settings.ts'
import type { Files } from '../agents-folder.ts'
import { runSql } from '../database.ts'
import { createGitRepository, type GitRepository } from '../git-sync/repository.ts'
import { type ProviderProcess, startProvider } from '../provider-process.ts'
import { type GitHost, serveGit } from './git-host.ts'
import { type Namespace, openNamespace, type Values } from './kubectl.ts'

export type Site = AsyncDisposable & {
  readonly namespace: Namespace
  readonly provider: ProviderProcess
  readonly repository: GitRepository
  readonly gitHost: GitHost
  /** Commits and pushes. @returns the revision */
  readonly push: (files: Files) => Promise<string>
  readonly database: Database
  /** What every release here needs: small pods, Git, database, the provider. */
  readonly values: Values
}

export type Database = {
  readonly host: string
  readonly port: number
  readonly name: string
  readonly user: string
  readonly password: string
  readonly admin: { readonly username: string; readonly password: string }
  /** Asks a superuser's connection to this database. */
  readonly query: (statement: string) => Promise<readonly (readonly (string | null)[])[]>
}

/** Secret of the administrator, the one with everything of the server's, and that of the model provider. */
export const ADMIN_SECRET = 'postgres-admin'
export const SECRET = 'agentos-secrets'
const PROVIDER_SECRET = 'provider'

/** Between two looks at the Git host, each of which starts a git: for sites that push, and for all others. */
export const EAGER_SYNC = '2s'
const CALM_SYNC = '30s'

/**
 * @param name of the namespace; no two sites may have the same
 * @param syncPeriod of git-sync
 */
export async function openSite(name: string, syncPeriod = CALM_SYNC): Promise<Site> {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider({ host: NODE_ADDRESS }))
  const repository = stack.use(await createGitRepository())
  const gitHost = stack.use(await serveGit(repository))
  const database = await prepareDatabase(name)
  const namespace = stack.use(await openNamespace(name))
  const opened = stack.move()
  return {
    namespace,
    provider,
    repository,
    gitHost,
    push: async (files) => {
      const hash = await repository.commit(files)
      await repository.push(hash)
      return hash
    },
    database,
    values: smallRelease(database, gitHost, provider, syncPeriod),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function prepareDatabase(site: string): Promise<Database> {
  const server = inject('node').postgresUrl
  const { port } = new URL(server)
  const name = `${site}-db`
  const admin = { username: `${site}_admin`, password: `it's a p@ss/w?rd #${randomBytes(4).toString('hex')}` }
  const quoted = admin.password.replaceAll("'", "''")
  await runSql(server, `create role "${admin.username}" login createrole createdb password '${quoted}'`)
  const own = new URL(server)
  own.pathname = `/${name}`
  return {
    host: NODE_ADDRESS,
    port: Number(port),
    name,
    user: `My-${site}`,
    password: `100%/#?:@ ${randomBytes(4).toString('hex')}`,
    admin,
    query: (statement) => runSql(own.href, statement),
  }
}

function smallRelease(database: Database, gitHost: GitHost, provider: ProviderProcess, syncPeriod: string): Values {
  return {
    replicaCount: 2,
    auth: { insecure: true },
    // The node has two processors for all.
    resources: { requests: { cpu: '50m', memory: '128Mi' } },
    server: { config: settingsOf(provider) },
    envFrom: [{ secretRef: { name: PROVIDER_SECRET } }],
    database: {
      host: database.host,
      port: database.port,
      name: database.name,
      appUser: database.user,
      sslMode: 'disable',
      poolSize: 5,
    },
    initDb: { enabled: true, adminCredentials: { secretName: ADMIN_SECRET } },
    gitSync: { enabled: true, repo: gitHost.url, subPath: 'agents', period: syncPeriod },
    drain: { timeoutSeconds: 8, preStopSeconds: 5, longestRunSeconds: 600 },
    // The chart's own delays would be added to what is not said here; the startup probe is what they wait for.
    readinessProbe: {
      httpGet: { path: '/health/ready', port: 'http' },
      initialDelaySeconds: 0,
      periodSeconds: 1,
      timeoutSeconds: 10,
    },
    startupProbe: {
      httpGet: { path: '/health/startup', port: 'http' },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: 300,
    },
    minReadySeconds: 2,
  }
}

/** What agents without a model of their own need, but for the key. */
export function settingsOf({ env }: ProviderProcess): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.endsWith('_KEY')))
}

/** The Secrets that somebody makes by hand where nothing fetches them. */
export async function makeSecrets({ namespace, database, provider }: Site): Promise<void> {
  const keys = Object.entries(provider.env).filter(([name]) => name.endsWith('_KEY'))
  await namespace.putSecret(PROVIDER_SECRET, Object.fromEntries(keys))
  await namespace.putSecret(ADMIN_SECRET, database.admin)
  await namespace.putSecret(SECRET, { db_pass: database.password, os_security_key: 'a-key-of-clients' })
}
