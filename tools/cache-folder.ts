/**
 * What tools download: one folder per machine, so that a second checkout downloads nothing.
 * Invariant: a folder is either absent or complete.
 * @module
 */
import { access, chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { withInstallLock } from './install-lock.js'

/**
 * Fills a folder of the cache unless an earlier run has.
 * @param name says what is in it and which version: a new version takes a new name
 * @param fill puts everything into the empty folder that it is given; the folder is moved into place afterwards
 * @returns the folder
 */
export async function installOnce(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const target = join(cacheRoot(), name)
  if (await exists(target)) return target
  await mkdir(dirname(target), { recursive: true })
  await withInstallLock(`${target}.lock`, {
    onWait: (owner) => console.error(`Waiting for process ${owner}, which is installing ${name} (${target}.lock) ...`),
    action: async () => {
      if (await exists(target)) return
      console.error(`Installing ${name} into ${dirname(target)} ...`)
      const work = await mkdtemp(`${target}.partial-`)
      try {
        await fill(work)
        // Servers that refuse to run as root run as a user who owns none of this.
        await chmod(work, 0o755)
        await rename(work, target)
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    },
  })
  return target
}

/**
 * `TEST_TOOLS_CACHE`, else the user's cache folder. For root it is `/var/cache`, because an unprivileged server that root
 * starts cannot read root's home.
 */
function cacheRoot(): string {
  const { TEST_TOOLS_CACHE, XDG_CACHE_HOME } = process.env
  if (TEST_TOOLS_CACHE) return TEST_TOOLS_CACHE
  if (process.getuid?.() === 0) return '/var/cache/agentos-tools'
  return join(XDG_CACHE_HOME || join(homedir() || tmpdir(), '.cache'), 'agentos-tools')
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
