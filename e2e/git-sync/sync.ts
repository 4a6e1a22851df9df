/**
 * One pass of git-sync: fetch, a worktree for what is new, the link moved onto it, old worktrees removed. What a reader
 * of the link can see follows git-sync 4.7 to the letter, its weaknesses included: a `tmp-link` that a killed pass left
 * behind fails every later one, and a root that is no repository loses everything in it.
 * Layout: `.git/`, `.worktrees/<40 hex digits>/`, and the link with a relative target.
 * @module
 */
import {
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { Flags } from './flags.ts'
import { git } from './git.ts'

const HASH = /^[0-9a-f]{40}$/

export type Synced = { readonly hash: string; readonly isNew: boolean }

/** @throws {Error} when git fails or the link cannot be made; the link then points where it did */
export async function syncOnce(flags: Flags): Promise<Synced> {
  await prepareRoot(flags)
  await git(flags.root, fetchArgs(flags), flags.syncTimeoutMs)
  const hash = await git(flags.root, ['rev-parse', 'FETCH_HEAD^{}'])
  const current = await readCurrent(flags)
  const worktree = join(flags.root, '.worktrees', hash)
  if (current === hash && (await isIntact(worktree))) {
    await removeStale(flags, hash)
    return { hash, isNew: false }
  }
  await makeWorktree(flags, worktree, hash)
  await publish(flags, worktree)
  if (current !== undefined && current !== hash) await touch(join(flags.root, '.worktrees', current))
  await removeStale(flags, hash)
  return { hash, isNew: current !== hash }
}

/** What a started git-sync does with the worktree that it finds published. */
export async function resetPublished(flags: Flags): Promise<void> {
  const hash = await readCurrent(flags)
  if (hash === undefined) return
  const worktree = join(flags.root, '.worktrees', hash)
  if (await isIntact(worktree)) await git(worktree, ['reset', '--hard', hash, '--'])
}

/** @returns whether the ref names one commit for ever */
export function isPinned({ ref }: Flags): boolean {
  return HASH.test(ref)
}

function fetchArgs({ repo, ref, depth }: Flags): string[] {
  const shallow = depth > 0 ? ['--depth', String(depth)] : []
  return [
    'fetch',
    repo,
    ref,
    '--verbose',
    '--no-progress',
    '--prune',
    '--no-auto-gc',
    '--no-tags',
    '--force',
    ...shallow,
  ]
}

async function prepareRoot({ root }: Flags): Promise<void> {
  await mkdir(root, { recursive: true })
  const isRepository = await git(root, ['rev-parse', '--git-dir']).then(
    (folder) => folder === '.git',
    () => false,
  )
  if (isRepository) return
  for (const name of await readdir(root)) await rm(join(root, name), { recursive: true, force: true })
  await git(root, ['init', '-b', 'git-sync'])
}

async function makeWorktree({ root, sparseCheckoutFile }: Flags, worktree: string, hash: string): Promise<void> {
  await rm(worktree, { recursive: true, force: true })
  await git(root, ['worktree', 'prune'])
  await git(root, ['worktree', 'add', '--force', '--detach', worktree, hash, '--no-checkout'])
  // Relative, so that the volume can be mounted elsewhere.
  const gitDir = (await readFile(join(worktree, '.git'), 'utf8')).replace(/^gitdir: /, '').trim()
  await writeFile(join(worktree, '.git'), `gitdir: ${relative(worktree, gitDir)}\n`)
  if (sparseCheckoutFile !== undefined) {
    await mkdir(join(gitDir, 'info'), { recursive: true })
    await copyFile(sparseCheckoutFile, join(gitDir, 'info', 'sparse-checkout'))
    await git(worktree, ['config', 'core.sparseCheckout', 'true'])
  }
  await git(worktree, ['reset', '--hard', hash, '--'])
}

async function publish({ root, link }: Flags, worktree: string): Promise<void> {
  const target = join(root, link)
  const temporary = join(dirname(target), 'tmp-link')
  await symlink(relative(dirname(target), worktree), temporary)
  await rename(temporary, target)
}

/** @returns undefined when there is no link */
async function readCurrent({ root, link }: Flags): Promise<string | undefined> {
  try {
    return basename(await readlink(join(root, link)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function isIntact(worktree: string): Promise<boolean> {
  try {
    // An empty directory is one that somebody emptied.
    if ((await readdir(worktree)).length === 0) return false
    await lstat(join(worktree, '.git'))
    await git(worktree, ['rev-parse', '--show-toplevel'])
    await git(worktree, ['fsck', '--no-progress', '--connectivity-only'])
    return true
  } catch (error) {
    // Whatever is wrong with it, it is made anew.
    console.error(`${worktree} is damaged:`, error)
    return false
  }
}

async function removeStale({ root, staleWorktreeTimeoutMs }: Flags, current: string): Promise<void> {
  const folder = join(root, '.worktrees')
  for (const name of await readdir(folder)) {
    if (name === current) continue
    const { mtimeMs } = await stat(join(folder, name))
    if (Date.now() - mtimeMs < staleWorktreeTimeoutMs) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
  await git(root, ['worktree', 'prune', '--verbose'])
}

async function touch(worktree: string): Promise<void> {
  const now = new Date()
  try {
    await utimes(worktree, now, now)
  } catch (error) {
    // A link that dangled leads to nothing that could be touched.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
