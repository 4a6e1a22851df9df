/**
 * Servers of somebody else that tests start: on a free port of the loopback interface, under a user without rights, in a
 * folder of their own that is gone when they are.
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer, Socket, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** `nobody`: the servers refuse to run as root. */
const UNPRIVILEGED = 65534
const START_ATTEMPTS = 3

export type SpawnOptions = { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv }

export type LocalServer = AsyncDisposable & { readonly port: number }

type Program = {
  readonly name: string
  /** Begins the name of its folder. */
  readonly prefix: string
  readonly env: NodeJS.ProcessEnv
  /** Fills `options.cwd`, with the rights of the server. */
  readonly prepare: (options: SpawnOptions) => Promise<void>
  /** Called with a port that was free a moment ago. */
  readonly command: (port: number, folder: string) => Promise<readonly [string, ...string[]]>
  /** What it logs when it accepts connections. */
  readonly ready: string
  /** Ends it at once. */
  readonly stopSignal: NodeJS.Signals
}

/** @throws {Error} when it does not start; the message carries its last lines */
export async function startLocalServer(program: Program): Promise<LocalServer> {
  const folder = await mkdtemp(join(tmpdir(), program.prefix))
  const asUser = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}
  const options = { ...asUser, cwd: folder, env: { ...program.env, HOME: folder } }
  try {
    if (asUser.uid !== undefined) await chown(folder, asUser.uid, asUser.gid)
    await program.prepare(options)
    const { server, port } = await start(program, options)
    const stopNow = () => {
      server.kill(program.stopSignal)
      rmSync(folder, { recursive: true, force: true })
    }
    process.once('exit', stopNow)
    return {
      port,
      async [Symbol.asyncDispose]() {
        process.off('exit', stopNow)
        if (server.exitCode === null && server.signalCode === null) {
          const ended = once(server, 'exit')
          server.ref()
          server.kill(program.stopSignal)
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

/** Another process can take the free port before the server does; then the next one is tried. */
async function start(program: Program, options: SpawnOptions) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const [command, ...args] = await program.command(port, options.cwd)
    const server = spawn(command, args, {
      ...options,
      // A group of its own: a Ctrl-C in the terminal is for us, and we stop the server.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const failure = await waitUntilReady(server, program.ready)
    if (failure === undefined) return { server, port }
    if (attempt === START_ATTEMPTS || !/address already in use/i.test(failure)) {
      throw new Error(`${program.name} did not start:\n${failure}`)
    }
  }
}

/** @returns undefined when the server accepts connections, else what it said before it ended */
async function waitUntilReady(server: ChildProcess, ready: string): Promise<string | undefined> {
  if (server.stderr === null) throw new TypeError('the server must be started with a pipe for its log')
  const lines = createInterface(server.stderr)
  const log: string[] = []
  for await (const line of lines) {
    log.push(line)
    if (!line.includes(ready)) continue
    // From here on the log is of no use, but a full pipe would stop the server.
    server.stderr.resume()
    if (server.stderr instanceof Socket) server.stderr.unref()
    server.unref()
    return undefined
  }
  return log.slice(-20).join('\n')
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Keeps a program alive that only has servers to keep, until somebody ends it. */
export async function waitForEnd(): Promise<void> {
  const keepAlive = setInterval(() => {}, 60_000)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(keepAlive)
}
