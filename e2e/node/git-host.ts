/**
 * A Git host that pods reach, over Git's own protocol.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../tools/local-server.ts'
import { NODE_ADDRESS } from '../../tools/node/node-settings.ts'
import { until } from '../condition.ts'
import type { GitRepository } from '../git-sync/repository.ts'

export type GitHost = AsyncDisposable & {
  /** Of the repository, for pods. */
  readonly url: string
  /** Nobody answers until it is started again. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
}

export async function serveGit(repository: GitRepository): Promise<GitHost> {
  const path = fileURLToPath(repository.url)
  const port = await freePort()
  let running: ChildProcess | undefined
  const start = async () => {
    const place = [`--listen=${NODE_ADDRESS}`, `--port=${port}`, '--reuseaddr']
    const what = ['--export-all', `--base-path=${dirname(path)}`, dirname(path)]
    // A group of its own, because it works through children.
    running = spawn('git', ['daemon', ...place, ...what], { stdio: 'ignore', detached: true })
    await until('the Git host to listen', () => answers(port))
  }
  const stop = async () => {
    const child = running
    running = undefined
    if (child?.pid === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    process.kill(-child.pid, 'SIGKILL')
    await ended
  }
  await start()
  return { url: `git://${NODE_ADDRESS}:${port}/${basename(path)}`, start, stop, [Symbol.asyncDispose]: stop }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, NODE_ADDRESS)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    // Not yet.
    return false
  } finally {
    socket.destroy()
  }
}
