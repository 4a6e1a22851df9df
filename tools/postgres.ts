/**
 * A real PostgreSQL with pgvector for tests: fresh, on a free port of the loopback interface, gone when it is disposed of.
 * Durability is off: it is for tests only.
 *
 *   node tools/postgres.ts [16|18]     start one (18 unless told), print its URL, stop it on Ctrl-C
 *
 * @module
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, Socket, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { installPostgres, POSTGRES_MAJORS, type PostgresMajor } from './postgres-install.ts'

const run = promisify(execFile)

/** `nobody`: the server refuses to run as root. */
const UNPRIVILEGED = 65534
const START_ATTEMPTS = 3
const TEST_SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'max_connections=200']

export type RunningPostgres = AsyncDisposable & {
  /** A superuser's `postgresql://` URL of the database `postgres`. */
  readonly url: string
}

/**
 * Installs PostgreSQL when that has not happened yet, and starts a fresh server.
 * @param major 16 or 18, the ends of the supported range
 * @throws {Error} when it cannot be installed or does not start; the message carries the server's last lines
 */
export async function startPostgres(major: PostgresMajor = 18): Promise<RunningPostgres> {
  const bin = join(await installPostgres(major), 'bin')
  const folder = await mkdtemp(join(tmpdir(), 'agentos-postgres-'))
  const asUser = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}
  if (asUser.uid !== undefined) await chown(folder, asUser.uid, asUser.gid)
  const options = { ...asUser, cwd: folder, env: { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, LC_ALL: 'C.UTF-8' } }
  try {
    const password = randomBytes(12).toString('hex')
    await writeFile(join(folder, 'password'), password)
    const data = join(folder, 'data')
    const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`]
    await run(join(bin, 'initdb'), ['-D', data, ...access, '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8'], options)
    const { server, port } = await startServer(join(bin, 'postgres'), data, options)
    const stopNow = () => {
      server.kill('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    }
    process.once('exit', stopNow)
    return {
      url: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`,
      async [Symbol.asyncDispose]() {
        process.off('exit', stopNow)
        if (server.exitCode === null && server.signalCode === null) {
          const ended = once(server, 'exit')
          server.ref()
          server.kill('SIGQUIT')
          await ended
        }
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

type SpawnOptions = { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv }

/** Another process can take the free port before the server does; then the next one is tried. */
async function startServer(postgres: string, data: string, options: SpawnOptions) {
  const settings = [...TEST_SETTINGS, 'listen_addresses=127.0.0.1', `unix_socket_directories=${options.cwd}`]
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const server = spawn(
      postgres,
      ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      {
        ...options,
        // A group of its own: a Ctrl-C in the terminal is for us, and we stop the server.
        detached: true,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    const failure = await waitUntilReady(server)
    if (failure === undefined) return { server, port }
    if (attempt === START_ATTEMPTS || !failure.includes('Address already in use')) {
      throw new Error(`PostgreSQL did not start:\n${failure}`)
    }
  }
}

/** @returns undefined when the server accepts connections, else what it said before it ended */
async function waitUntilReady(server: ChildProcess): Promise<string | undefined> {
  if (server.stderr === null) throw new TypeError('the server must be started with a pipe for its log')
  const lines = createInterface(server.stderr)
  const log: string[] = []
  for await (const line of lines) {
    log.push(line)
    if (!line.includes('database system is ready to accept connections')) continue
    // From here on the log is of no use, but a full pipe would stop the server.
    server.stderr.resume()
    if (server.stderr instanceof Socket) server.stderr.unref()
    server.unref()
    return undefined
  }
  return log.slice(-20).join('\n')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

if (import.meta.main) {
  const major = POSTGRES_MAJORS.find((known) => String(known) === (process.argv[2] ?? '18'))
  if (major === undefined) {
    console.error(`usage: node tools/postgres.ts [${POSTGRES_MAJORS.join('|')}]`)
    process.exit(2)
  }
  await using postgres = await startPostgres(major)
  console.log(postgres.url)
  const keepAlive = setInterval(() => {}, 60_000)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(keepAlive)
}
