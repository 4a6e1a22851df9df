/**
 * A PostgreSQL that speaks TLS, for tests: Debian's, because the one of `postgres.ts` was built without. It has no pgvector.
 * Fresh, with a certificate of an authority of its own, gone when it is disposed of.
 * @module
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installOnce } from '../cache-folder.ts'
import { isDebian12, unpackPackages } from '../debian-packages.ts'
import { startLocalServer, type SpawnOptions } from '../local-server.ts'

const run = promisify(execFile)

/** With the libraries that a machine without PostgreSQL lacks. */
const PACKAGES = [
  'postgresql-15',
  'libpq5',
  'libicu72',
  'libxml2',
  'libldap-2.5-0',
  'libsasl2-2',
  'libgssapi-krb5-2',
  'libkrb5-3',
  'libk5crypto3',
  'libkrb5support0',
  'libkeyutils1',
]
const INSTALLED = '/usr/lib/postgresql/15/bin'

export type TlsPostgres = AsyncDisposable & {
  /** A superuser's URL, without a word on TLS; the server takes no other connections. */
  readonly url: string
  /** Certificate of the authority that vouches for the server's address, and of one that does not, as PEM. */
  readonly authority: string
  readonly otherAuthority: string
}

/** @returns why none can be had on this machine; undefined when one can */
export async function whyNoTlsPostgres(): Promise<string | undefined> {
  if (!(await succeeds('openssl', ['version']))) return 'openssl is missing (Debian: apt-get install openssl)'
  if ((await isInstalled()) || (await isDebian12())) return undefined
  return 'PostgreSQL 15 is not installed, and this is no Debian 12 for amd64 to take it from'
}

/** @returns its folder of programs, and of the libraries that they need; empty where the machine has them */
export async function installTlsPostgres(): Promise<{ readonly bin: string; readonly libraries: string }> {
  if (await isInstalled()) return { bin: INSTALLED, libraries: '' }
  const folder = await installOnce('tls-postgres-debian-12', (target) => unpackPackages(target, PACKAGES))
  return { bin: join(folder, INSTALLED), libraries: join(folder, 'usr/lib/x86_64-linux-gnu') }
}

const isInstalled = () => succeeds(join(INSTALLED, 'postgres'), ['--version'])

const succeeds = (command: string, args: readonly string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  )

/** @param address to listen on, which the certificate names */
export async function startTlsPostgres(address: string): Promise<TlsPostgres> {
  const { bin, libraries } = await installTlsPostgres()
  const password = randomBytes(12).toString('hex')
  let authority = ''
  let otherAuthority = ''
  const server = await startLocalServer({
    name: 'PostgreSQL with TLS',
    prefix: 'agentos-tls-postgres-',
    env: { PATH: `${bin}:/usr/bin:/bin`, LC_ALL: 'C.UTF-8', ...(libraries && { LD_LIBRARY_PATH: libraries }) },
    prepare: async (options) => {
      await writeFile(join(options.cwd, 'password'), password)
      const access = ['--username=postgres', '--auth=scram-sha-256', '--pwfile=password']
      await run(join(bin, 'initdb'), ['-D', 'data', '--no-sync', '--encoding=UTF8', ...access], options)
      authority = await makeAuthority('ours', options)
      otherAuthority = await makeAuthority('other', options)
      await certify(address, options)
      await writeFile(join(options.cwd, 'data/pg_hba.conf'), 'hostssl all all all scram-sha-256\n')
      await appendFile(join(options.cwd, 'data/postgresql.conf'), TLS_SETTINGS(options.cwd))
    },
    command: async (port, folder) => {
      const place = ['-c', `listen_addresses=${address}`, '-c', `unix_socket_directories=${folder}`]
      return [join(bin, 'postgres'), '-D', join(folder, 'data'), '-p', String(port), '-c', 'fsync=off', ...place]
    },
    ready: 'database system is ready to accept connections',
    stopSignal: 'SIGQUIT',
  })
  return {
    url: `postgresql://postgres:${password}@${address}:${server.port}/postgres`,
    authority,
    otherAuthority,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const TLS_SETTINGS = (folder: string) => `
ssl = on
ssl_cert_file = '${folder}/server.crt'
ssl_key_file = '${folder}/server.key'
`

/** @returns its certificate */
async function makeAuthority(name: string, options: SpawnOptions): Promise<string> {
  const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
  await run(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-days', '2', ...out],
    options,
  )
  return readFile(join(options.cwd, `${name}.crt`), 'utf8')
}

async function certify(address: string, options: SpawnOptions): Promise<void> {
  const request = [
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    `/CN=${address}`,
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  ]
  await run('openssl', ['req', ...request], options)
  await writeFile(join(options.cwd, 'names'), `subjectAltName = IP:${address}\n`)
  const sign = ['-in', 'server.csr', '-CA', 'ours.crt', '-CAkey', 'ours.key', '-CAcreateserial', '-days', '2']
  await run('openssl', ['x509', '-req', ...sign, '-extfile', 'names', '-out', 'server.crt'], options)
}
