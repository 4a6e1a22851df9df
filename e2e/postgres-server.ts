/**
 * A PostgreSQL of a test's own, to be stopped and started again on the same data and port. Nothing it has acknowledged is
 * lost when it is stopped at once: commits reach the operating system before they are answered.
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { installPostgres } from '../tools/postgres-install.ts'

const run = promisify(execFile)
/** `nobody`: PostgreSQL refuses to run as root. */
const UNPRIVILEGED = 65534
const SETTINGS = ['listen_addresses=127.0.0.1', 'fsync=off', 'full_page_writes=off', 'max_connections=100']

/** `fast` ends its connections, writes a checkpoint and stops; `immediate` stops, and the next start recovers. */
export type StopMode = 'fast' | 'immediate'

export type PostgresServer = AsyncDisposable & {
  /** A superuser's URL of the database `postgres`. */
  readonly url: string
  readonly stop: (mode: StopMode) => Promise<void>
  /** @returns when it accepts connections */
  readonly start: () => Promise<void>
}

/** @throws {Error} with its last lines when it does not start */
export async function startPostgresServer(): Promise<PostgresServer> {
  const bin = join(await installPostgres(18), 'bin')
  const folder = await mkdtemp(join(tmpdir(), 'agentos-e2e-postgres-'))
  const asUser = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}
  if (asUser.uid !== undefined) await chown(folder, asUser.uid, asUser.gid)
  const options = { ...asUser, cwd: folder, env: { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, LC_ALL: 'C.UTF-8' } }
  const data = join(folder, 'data')
  const port = await freePort()
  const flags = [...SETTINGS, `unix_socket_directories=${folder}`].flatMap((setting) => ['-c', setting])
  let server: ChildProcess | undefined

  const start = async () => {
    const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    server = child
    await untilReady(child)
  }
  const stop = async (mode: StopMode) => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
  }
  const stopNow = () => {
    server?.kill('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', stopNow)
  const dispose = async () => {
    process.off('exit', stopNow)
    await stop('immediate')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const access = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8']
    await run(join(bin, 'initdb'), ['-D', data, ...access, '--no-sync'], options)
    await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return { url: `postgresql://postgres@127.0.0.1:${port}/postgres`, stop, start, [Symbol.asyncDispose]: dispose }
}

async function untilReady(server: ChildProcess): Promise<void> {
  if (server.stderr === null) throw new TypeError('the server must be started with a pipe for its log')
  const log: string[] = []
  for await (const line of createInterface(server.stderr)) {
    log.push(line)
    if (!line.includes('database system is ready to accept connections')) continue
    // A full pipe would stop the server.
    server.stderr.resume()
    return
  }
  throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('\n')}`)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A TCP server that listens has an AddressInfo.
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
