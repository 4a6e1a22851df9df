/**
 * Which revision the configured path names now. git-sync publishes by moving a link (`current -> .worktrees/<sha>`), and
 * the contract is only that the base name of the link's target is the revision; the configured path is that link, or a
 * folder below it, or a plain folder.
 * @module
 */
import { lstat, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { isGone } from './tree.ts'

export type Location = {
  /** Resolved directory that changes as a whole: what the link leads to, or the folder itself. */
  readonly root: string
  /** Agents folder relative to `root`; empty when it is `root`. */
  readonly folder: string
  /** Base name of the link's target; undefined for a plain folder. */
  readonly name: string | undefined
  /** Whether `name` is a commit hash, so that the same name means the same content. */
  readonly isPinned: boolean
  /** Directory that holds the link; undefined for a plain folder. */
  readonly linkParent: string | undefined
}

export type Missing = { readonly missing: string }

const COMMIT_HASH = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/** Tries when a link moves on while it is being followed and what it led to is cleaned up. */
const MAX_TRIES = 5

/**
 * Resolves `configured` once. Everything read afterwards must go through the result, never through the link again.
 * @returns why not, in words, when it leads to no directory
 */
export async function locateRevision(configured: string): Promise<Location | Missing> {
  const path = resolve(configured)
  for (let tries = 1; ; tries++) {
    try {
      return await locateOnce(path)
    } catch (error) {
      const mayHaveMoved = tries < MAX_TRIES && isGone(error) && (await exists(path))
      if (!mayHaveMoved) return { missing: await explainMissing(error, path) }
    }
  }
}

/** Name and directory come from one reading of the link: read twice, it could give the name of one revision and the files of another. */
async function locateOnce(path: string): Promise<Location | Missing> {
  const link = await findPublishingLink(path)
  const resolved = await realpath(link === undefined ? path : join(link.target, relative(link.path, path)))
  if (!(await stat(resolved)).isDirectory()) return { missing: `${path} is a file, not a folder` }
  if (link === undefined) return { root: resolved, folder: '', name: undefined, isPinned: false, linkParent: undefined }
  const { name, isPinned } = link
  const root = await realpath(link.target)
  const folder = relative(root, resolved)
  const isInside = folder !== '..' && !folder.startsWith(`..${sep}`)
  const linkParent = dirname(link.path)
  return isInside
    ? { root, folder, name, isPinned, linkParent }
    : { root: resolved, folder: '', name, isPinned, linkParent }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** `target` is where it led when it was read. */
type Link = { readonly path: string; readonly target: string; readonly name: string; readonly isPinned: boolean }

/**
 * The link of the path that names a revision: one that leads to a commit hash, else the deepest one. A link whose target
 * has its own name (`/tmp -> /private/tmp`) relocates a directory and names nothing.
 */
async function findPublishingLink(path: string): Promise<Link | undefined> {
  let deepest: Link | undefined
  for (let part = path; part !== dirname(part); part = dirname(part)) {
    if (!(await lstat(part)).isSymbolicLink()) continue
    const target = resolve(dirname(part), await readlink(part))
    const name = basename(target)
    if (name === basename(part)) continue
    const link = { path: part, target, name, isPinned: COMMIT_HASH.test(name) }
    if (link.isPinned) return link
    deepest ??= link
  }
  return deepest
}

async function explainMissing(error: unknown, path: string): Promise<string> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'ENOENT' && code !== 'ENOTDIR')
    return `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`
  for (let part = path; part !== dirname(part); part = dirname(part)) {
    const target = await readlink(part).catch(() => undefined)
    if (target !== undefined) return `${path} does not exist: the link ${part} leads to ${join(dirname(part), target)}`
  }
  return `${path} does not exist`
}
