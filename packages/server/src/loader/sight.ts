/**
 * What the configured path leads to at this moment, with an identity that differs when something else should be loaded.
 * @module
 */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { type Location, locateRevision } from './location.ts'
import { createPacer } from './pacer.ts'
import { scanTree, type Tree } from './tree.ts'

export type Sight = {
  readonly identity: string
  /** The part of the identity that the folder itself makes up. */
  readonly base: string
  readonly location: Location
  /** Files of the revision; undefined for a pinned one, whose name says it all. */
  readonly tree: Tree | undefined
  /** State of the sources outside it. */
  readonly outside: string
}

export type NoSight = { readonly identity: string; readonly missing: string }

export type Look = {
  /** @throws when the folder vanishes or becomes unreadable during the look */
  readonly see: () => Promise<Sight | NoSight>
  /** Sources outside the folder that count from now on. */
  readonly mindOutside: (paths: readonly string[]) => void
}

export function createLook(directory: string, clock: Clock): Look {
  let minded: readonly string[] = []
  return {
    see: async () => {
      const location = await locateRevision(directory)
      if ('missing' in location) return { identity: `missing ${location.missing}`, missing: location.missing }
      const { root, folder, name, isPinned } = location
      if (isPinned) {
        const base = `${name}\0${folder}`
        return { identity: base, base, location, tree: undefined, outside: '' }
      }
      const tree = await scanTree(root, createPacer(clock))
      const outside = await signFiles(minded)
      const base = `${root}\0${folder}\0${tree.signature}`
      return { identity: `${base}\0${outside}`, base, location, tree, outside }
    },
    mindOutside: (paths) => {
      minded = paths
    },
  }
}

/** Directories in which a change of what is seen shows itself. */
export function directoriesOf({ location, tree }: Sight): readonly string[] {
  const own = tree === undefined ? [] : tree.directories
  return location.linkParent === undefined ? [...own, dirname(location.root)] : [location.linkParent, ...own]
}

async function signFiles(paths: readonly string[]): Promise<string> {
  if (paths.length === 0) return ''
  const signature = createHash('sha256')
  for (const path of paths) {
    const stats = await stat(path, { bigint: true }).catch(() => undefined)
    signature.update(`${path}\0${stats?.size}\0${stats?.mtimeNs}\0${stats?.ctimeNs}\0`)
  }
  return signature.digest('hex')
}
