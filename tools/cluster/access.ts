/**
 * Who may talk to a cluster for tests: keys of service accounts, and a token and a kubeconfig for each user.
 * @module
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Of one user. Written as JSON, which every reader of YAML reads too. */
type Kubeconfig = {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string; 'certificate-authority': string } }]
  readonly users: readonly [{ readonly user: { readonly token: string } }]
}

export type Access = {
  readonly tokens: string
  readonly signingKey: string
  readonly verifyingKey: string
  /** Where the API server keeps its certificate, which it makes itself. */
  readonly certificates: string
  readonly certificate: string
  /** @returns path of the kubeconfig of a user */
  kubeconfigOf(user: string): string
}

/** Names and groups of the users that a control plane needs. */
const SYSTEM_USERS: Readonly<Record<string, readonly string[]>> = {
  admin: ['system:masters'],
  'system:kube-controller-manager': [],
  'system:kube-scheduler': [],
}

/**
 * @param folder that only we may read
 * @param server URL of the API server
 * @param nodes names of nodes, each of which gets a user `system:node:NAME`
 */
export async function grantAccess(folder: string, server: string, nodes: readonly string[]): Promise<Access> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = (name: string) => join(folder, name)
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(path('service-accounts.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  await writeFile(path('service-accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }))

  const nodeUsers = nodes.map((node) => [`system:node:${node}`, ['system:nodes']] as const)
  const certificate = path('apiserver.crt')
  const kubeconfigOf = (user: string) => path(`${user.replaceAll(':', '-')}.kubeconfig`)
  const rows: string[] = []
  for (const [user, groups] of [...Object.entries(SYSTEM_USERS), ...nodeUsers]) {
    const token = randomBytes(16).toString('hex')
    rows.push(`${token},${user},${user},"${groups.join(',')}"`)
    const config = describeAccess({ server, certificate, token })
    await writeFile(kubeconfigOf(user), JSON.stringify(config), { mode: 0o600 })
  }
  await writeFile(path('tokens.csv'), `${rows.join('\n')}\n`, { mode: 0o600 })
  return {
    tokens: path('tokens.csv'),
    signingKey: path('service-accounts.key'),
    verifyingKey: path('service-accounts.pub'),
    certificates: folder,
    certificate,
    kubeconfigOf,
  }
}

/** @returns what a kubeconfig of `grantAccess` leads to */
export async function readAccess(kubeconfig: string) {
  // We wrote it.
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig
  const { cluster } = clusters[0]
  const ca = await readFile(cluster['certificate-authority'], 'utf8')
  return { server: new URL(cluster.server), ca, token: users[0].user.token }
}

function describeAccess({ server, certificate, token }: { server: string; certificate: string; token: string }) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': certificate } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  }
}
