/**
 * git-sync as a process beside the server: the real one of GIT_SYNC_BIN, else the stand-in, with the arguments that the
 * chart gives it, only faster.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const STAND_IN = join(import.meta.dirname, 'main.ts')
const FOLLOW_PARENT = join(import.meta.dirname, '..', '..', 'packages', 'server', 'bin', 'follow-parent.js')

/** The volume that both containers of a pod see. */
export type SharedVolume = AsyncDisposable & {
  readonly root: string
  /** What the server is given: a folder within the link. */
  readonly agents: string
  /** @returns basename of the link's target; undefined when there is no link */
  readonly published: () => Promise<string | undefined>
}

export async function createVolume(subPath = 'agents'): Promise<SharedVolume> {
  const root = await mkdtemp(join(tmpdir(), 'agentos-e2e-sync-'))
  return {
    root,
    agents: join(root, 'current', subPath),
    published: async () => {
      try {
        return basename(await readlink(join(root, 'current')))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true, maxRetries: 3 }),
  }
}

export type GitSync = AsyncDisposable & {
  readonly isRunning: () => boolean
  /** SIGKILL, as the kubelet ends a container that does not end by itself. */
  readonly kill: () => Promise<void>
}

type Options = { readonly repo: string; readonly root: string; readonly args?: readonly string[] }

/** @param args after, and so over, those of the chart */
export function startGitSync({ repo, root, args = [] }: Options): GitSync {
  const own = [
    `--repo=${repo}`,
    '--ref=main',
    `--root=${root}`,
    '--link=current',
    '--period=200ms',
    '--init-period=200ms',
    '--sync-timeout=120s',
    '--depth=1',
    '--submodules=off',
    '--max-failures=-1',
    '--init-max-failures=30',
    '--stale-worktree-timeout=1h',
  ]
  const child = start([...own, ...args])
  // Read, or a long outage would fill the pipe.
  child.stderr?.resume()
  const exited = once(child, 'exit')
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
  }
  return {
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill: end,
    [Symbol.asyncDispose]: end,
  }
}

function start(args: readonly string[]): ChildProcess {
  const real = process.env['GIT_SYNC_BIN']
  // Neither of them sees more than it needs.
  const env = { PATH: process.env['PATH'], HOME: tmpdir() }
  const stdio = ['ignore', 'ignore', 'pipe'] as const
  if (real) return spawn(real, args, { stdio: [...stdio], env })
  return spawn(process.execPath, ['--import', FOLLOW_PARENT, STAND_IN, ...args], { stdio: [...stdio], env })
}
