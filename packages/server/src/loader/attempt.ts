/**
 * One attempt to load what is seen: copy, name the revision, load, check that it is still what is desired. Changes
 * nothing but the snapshot it takes; the registry decides what the result means.
 * @module
 */
import { createHash } from 'node:crypto'
import { join, posix } from 'node:path'
import type { FileReport } from '../base/runnable.ts'
import { discoverModules } from './discover.ts'
import type { ManagedGeneration } from './generation.ts'
import { type Location, locateRevision } from './location.ts'
import { createPacer } from './pacer.ts'
import { loadRevision, type LoadSettings, type RevisionDeps } from './revision.ts'
import type { Look, Sight } from './sight.ts'
import type { Snapshot, Snapshots } from './snapshot.ts'
import { isGone, scanTree, type Tree } from './tree.ts'

export type Attempt =
  | {
      readonly type: 'ready'
      readonly generation: ManagedGeneration
      readonly snapshot: Snapshot
      readonly content: string
    }
  /** The content is what serves already. */
  | { readonly type: 'same'; readonly files: readonly FileReport[] }
  /** It changed while it was read: look again. */
  | { readonly type: 'moved' }
  | {
      readonly type: 'empty' | 'failed'
      readonly revision: string
      readonly error: string
      readonly files: readonly FileReport[]
    }

export type AttemptOptions = {
  readonly directory: string
  readonly look: Look
  readonly snapshots: Snapshots
  readonly nameRevision: (location: Location, content: string) => string
  readonly settings: LoadSettings
  readonly deps: RevisionDeps
  readonly serving: { readonly content: string; readonly generation: ManagedGeneration } | undefined
  readonly onRevision: (revision: string) => void
}

export async function attemptRevision(sight: Sight, options: AttemptOptions): Promise<Attempt> {
  const { location } = sight
  let snapshot: Snapshot
  let tree: Tree
  // Of a pinned revision the name is the content, so nothing needs to be read.
  if (location.isPinned && pinnedContent(location) === options.serving?.content)
    return sameAs(options.serving.generation)
  try {
    tree = sight.tree ?? (await scanTree(location.root, createPacer(options.deps.clock)))
    snapshot = await options.snapshots.take(tree)
  } catch (error) {
    if (isGone(error)) return { type: 'moved' }
    throw error
  }
  const content = contentOf(sight, snapshot)
  if (content === options.serving?.content) {
    await snapshot.release()
    return sameAs(options.serving.generation)
  }
  const outcome = await loadSnapshot(sight, tree, snapshot, options.nameRevision(location, content), options)
  if (outcome.type === 'ready') return { ...outcome, snapshot, content }
  await snapshot.release()
  return (await hasMoved(location, options.directory)) ? { type: 'moved' } : outcome
}

type LoadedSnapshot =
  | { readonly type: 'ready'; readonly generation: ManagedGeneration }
  | Extract<Attempt, { type: 'empty' | 'failed' }>

async function loadSnapshot(
  sight: Sight,
  tree: Tree,
  snapshot: Snapshot,
  revision: string,
  options: AttemptOptions,
): Promise<LoadedSnapshot> {
  const { root, folder, name } = sight.location
  const refused = refusedIn(tree, folder)
  const { modules } = discoverModules(join(snapshot.root, folder))
  if (modules.length === 0 && refused.length === 0) {
    return {
      type: 'empty',
      revision,
      error: `${options.directory} has no agents: it has no TypeScript or JavaScript files`,
      files: [],
    }
  }
  options.onRevision(revision)
  const source = { revision, root: snapshot.root, origin: root, folder, mayLeave: name === undefined, refused }
  const outcome = await loadRevision(source, options.settings, options.deps)
  options.look.mindOutside(outcome.type === 'ready' ? outcome.generation.outside : outcome.outside)
  if (outcome.type === 'rejected') return { type: 'failed', revision, error: outcome.reason, files: outcome.files }
  const { generation } = outcome
  const { agents, files } = generation.manifest
  if (agents.length > 0) return { type: 'ready', generation }
  await generation.close('it has no agents')
  return { type: 'empty', revision, error: `${options.directory} has no agents: none of its files exports one`, files }
}

/** Links outside the agents folder are only left out; those inside would be missed. */
function refusedIn(tree: Tree, folder: string): FileReport[] {
  return tree.refused.flatMap(({ path, reason }) => {
    const relative = posix.relative(folder, path)
    return relative.startsWith('../') ? [] : [{ path: relative, outcome: 'error', runnables: [], detail: reason }]
  })
}

async function hasMoved(location: Location, directory: string): Promise<boolean> {
  const now = await locateRevision(directory)
  return !('missing' in now) && (now.root !== location.root || now.name !== location.name)
}

function contentOf({ location, outside }: Sight, { contentHash }: Snapshot): string {
  if (location.isPinned) return pinnedContent(location)
  return outside === '' ? contentHash : createHash('sha256').update(contentHash).update(outside).digest('hex')
}

function pinnedContent({ name, folder }: Location): string {
  return `${name}\0${folder}`
}

function sameAs({ manifest }: ManagedGeneration): Attempt {
  return { type: 'same', files: manifest.files }
}

/** Hex digits of a content hash that name a revision. */
const SHORT_HASH = 12

/**
 * Names revisions: by the link's target, as git-sync does; by their content where there is no link, or where the content
 * behind the same name has changed.
 */
export function createRevisionNames(): (location: Location, content: string) => string {
  let last: { readonly name: string; readonly content: string } | undefined
  return ({ name, isPinned }, content) => {
    if (name === undefined) return content.slice(0, SHORT_HASH)
    if (isPinned) return name
    if (last?.name === name && last.content !== content) return `${name}+${content.slice(0, SHORT_HASH)}`
    last = { name, content }
    return name
  }
}
