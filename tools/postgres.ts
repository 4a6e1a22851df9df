/**
 * A real PostgreSQL with pgvector for tests: fresh, on a free port of the loopback interface, gone when it is disposed of.
 * Durability is off: it is for tests only.
 *
 *   node tools/postgres.ts [16|18]     start one (18 unless told), print its URL, stop it on Ctrl-C
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startLocalServer, waitForEnd } from './local-server.ts'
import { installPostgres, POSTGRES_MAJORS, type PostgresMajor } from './postgres-install.ts'

const run = promisify(execFile)

const TEST_SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'max_connections=200']

export type RunningPostgres = AsyncDisposable & {
  /** A superuser's `postgresql://` URL of the database `postgres`. */
  readonly url: string
}

export type PostgresOptions = {
  /** To listen on; whoever reaches it may log in with a password. */
  readonly address?: string
  /** Extensions that those may make who may make schemas, as managed PostgreSQL has it. Only on 18. */
  readonly trusted?: readonly string[]
}

/**
 * Installs PostgreSQL when that has not happened yet, and starts a fresh server.
 * @param major 16 or 18, the ends of the supported range
 * @throws {Error} when it cannot be installed or does not start; the message carries the server's last lines
 */
export async function startPostgres(
  major: PostgresMajor = 18,
  options: PostgresOptions = {},
): Promise<RunningPostgres> {
  const { address = '127.0.0.1', trusted = [] } = options
  const home = await installPostgres(major)
  const bin = join(home, 'bin')
  const password = randomBytes(12).toString('hex')
  const server = await startLocalServer({
    name: 'PostgreSQL',
    prefix: 'agentos-postgres-',
    env: { PATH: `${bin}:/usr/bin:/bin`, LC_ALL: 'C.UTF-8' },
    prepare: async (options) => {
      const passwordFile = join(options.cwd, 'password')
      await writeFile(passwordFile, password)
      const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
      const place = ['-D', join(options.cwd, 'data'), '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8']
      await run(join(bin, 'initdb'), [...place, ...access], options)
      // Made so, a server lets in nobody from elsewhere.
      if (address !== '127.0.0.1')
        await appendFile(join(options.cwd, 'data/pg_hba.conf'), 'host all all all scram-sha-256\n')
      await trustExtensions(join(home, 'share/postgresql/extension'), join(options.cwd, 'trusted'), trusted)
    },
    command: async (port, folder) => {
      const places = [`listen_addresses=${address}`, `unix_socket_directories=${folder}`]
      const extensions = trusted.length === 0 ? [] : [`extension_control_path=${join(folder, 'trusted')}:$system`]
      const settings = [...TEST_SETTINGS, ...places, ...extensions]
      const given = settings.flatMap((setting) => ['-c', setting])
      return [join(bin, 'postgres'), '-D', join(folder, 'data'), '-p', String(port), ...given]
    },
    ready: 'database system is ready to accept connections',
    stopSignal: 'SIGQUIT',
  })
  return {
    url: `postgresql://postgres:${password}@${address}:${server.port}/postgres`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function trustExtensions(from: string, to: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const target = join(to, 'extension')
  await mkdir(target, { recursive: true })
  for (const file of await readdir(from)) {
    if (!names.some((name) => file === `${name}.control` || file.startsWith(`${name}--`))) continue
    await copyFile(join(from, file), join(target, file))
    if (file.endsWith('.control')) await appendFile(join(target, file), 'trusted = true\n')
  }
}

if (import.meta.main) {
  const major = POSTGRES_MAJORS.find((known) => String(known) === (process.argv[2] ?? '18'))
  if (major === undefined) {
    console.error(`usage: node tools/postgres.ts [${POSTGRES_MAJORS.join('|')}]`)
    process.exit(2)
  }
  // From here on: a server that is still starting must end too.
  const end = waitForEnd()
  await using postgres = await startPostgres(major)
  console.log(postgres.url)
  await end
}
