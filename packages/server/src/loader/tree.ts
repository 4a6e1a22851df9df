/**
 * The files of a revision: what is copied, what is refused, and a signature that changes when any of them does.
 *
 * Calls of the file system are synchronous, in short turns: for many small files that is several times cheaper than a
 * promise for each, and this runs every few seconds as long as the server lives.
 * @module
 */
import { createHash } from 'node:crypto'
import { join, relative, sep } from 'node:path'
import { type BigIntStats, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { isIgnored } from './discover.ts'
import type { Pacer } from './pacer.ts'

/** A folder beyond this is not a folder of agents; synchronise less of the repository (sparse checkout). */
const MAX_FILES = 20_000
export const MAX_BYTES = 512 * 1024 * 1024

export type TreeFile = {
  /** Relative to the root, with `/`. */
  readonly path: string
  /** Resolved file to read. */
  readonly source: string
  readonly bytes: number
}

export type Tree = {
  readonly files: readonly TreeFile[]
  /** Resolved directories whose entries make up the tree. */
  readonly directories: readonly string[]
  /** Links that leave the root, relative to it, with where they lead. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[]
  /** Changes when a file is added, removed, renamed or written; content is not read. */
  readonly signature: string
}

/**
 * Walks `root`, following links inside it. Names that {@link isIgnored} are left out. Files that vanish during the walk
 * are left out too: the signature of the next walk differs.
 * @param root a resolved directory
 * @throws {RangeError} when there are more than {@link MAX_FILES} files or {@link MAX_BYTES} bytes
 * @throws when `root` itself cannot be read
 */
export async function scanTree(root: string, pacer: Pacer): Promise<Tree> {
  const files: TreeFile[] = []
  const directories: string[] = []
  const refused: { path: string; reason: string }[] = []
  const signature = createHash('sha256')
  let bytes = 0

  const visit = async (directory: string, path: string, above: readonly string[]): Promise<void> => {
    directories.push(directory)
    const names = readdirSync(directory)
      .filter((name) => !isIgnored(name))
      .toSorted()
    for (const name of names) {
      const turn = pacer.pause()
      if (turn !== undefined) await turn
      const entry = inspect(root, join(directory, name), path === '' ? name : `${path}/${name}`, above)
      if (entry === undefined) continue
      if (entry.kind === 'refused') refused.push({ path: entry.path, reason: entry.reason })
      if (entry.kind === 'directory') await visit(entry.source, entry.path, [...above, entry.source])
      if (entry.kind !== 'file') continue
      const { source, stats } = entry
      files.push({ path: entry.path, source, bytes: Number(stats.size) })
      bytes += Number(stats.size)
      if (files.length > MAX_FILES || bytes > MAX_BYTES) throw tooLarge(root)
      signature.update(`${entry.path}\0${source}\0${stats.size}\0${stats.mtimeNs}\0${stats.ctimeNs}\0${stats.ino}\0`)
    }
  }
  await visit(root, '', [root])
  for (const { path, reason } of refused) signature.update(`${path}\0${reason}\0`)
  return { files, directories, refused, signature: signature.digest('hex') }
}

type Inspected =
  | { readonly kind: 'file'; readonly path: string; readonly source: string; readonly stats: BigIntStats }
  | { readonly kind: 'directory'; readonly path: string; readonly source: string }
  | { readonly kind: 'refused'; readonly path: string; readonly reason: string }

function inspect(root: string, full: string, path: string, above: readonly string[]): Inspected | undefined {
  try {
    const own = lstatSync(full, { bigint: true })
    if (own.isFile()) return { kind: 'file', path, source: full, stats: own }
    if (own.isDirectory()) return { kind: 'directory', path, source: full }
    if (!own.isSymbolicLink()) return undefined
    const source = realpathSync(full)
    if (source !== root && !source.startsWith(root + sep)) {
      return {
        kind: 'refused',
        path,
        reason: `a link that leaves the folder (to ${source}) is refused; copy the file instead`,
      }
    }
    if (above.includes(source))
      return {
        kind: 'refused',
        path,
        reason: `a link to a directory above it (${relative(root, source) || '.'}) is refused`,
      }
    const stats = statSync(source, { bigint: true })
    if (stats.isFile()) return { kind: 'file', path, source, stats }
    return stats.isDirectory() ? { kind: 'directory', path, source } : undefined
  } catch (error) {
    // Gone since it was listed, or a link that leads nowhere.
    if (isGone(error)) return undefined
    throw error
  }
}

/** Whether a file or directory was not there (any more). */
export function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ESTALE')
  )
}

function tooLarge(root: string): RangeError {
  return new RangeError(
    `${root} has more than ${MAX_FILES} files or ${MAX_BYTES / 1024 / 1024} MiB (node_modules and dot-names aside); ` +
      `point the server at the folder of the agents, or check out less of the repository`,
  )
}
