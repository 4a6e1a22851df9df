/**
 * Private copies of revisions: what a generation runs from, so that neither an edit nor git-sync's cleaning up reaches
 * code that is already serving, and a worker that has to start again starts on the same code.
 *
 * A copy stands in a numbered slot of the snapshot directory. The numbers are used again, so that Node's compile cache,
 * which goes by path, does not grow with every revision.
 * @module
 */
import { constants } from 'node:fs'
import { copyFile, mkdir, readFile, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { isGone, type Tree, type TreeFile } from './tree.ts'

/** Files read at once. */
const PARALLEL = 16
/** Larger files are copied without being read; their size and name stand for their content. */
const MAX_HASHED_BYTES = 8 * 1024 * 1024

export type Snapshot = {
  /** Resolved directory with the copy. */
  readonly root: string
  /** Hash of the copied files, 64 hex digits. */
  readonly contentHash: string
  /** Removes the copy and frees its slot; further calls do nothing. */
  readonly release: () => Promise<void>
}

export type Snapshots = {
  /**
   * Copies `tree`.
   * @throws with code ENOENT when a file vanished meanwhile; nothing of the copy is left
   */
  readonly take: (tree: Tree) => Promise<Snapshot>
}

/**
 * @param directory belongs to the snapshots of this process and of others like it; slots whose process is gone are freed
 * @param pid id of this process
 */
export function createSnapshots(directory: string, pid: number): Snapshots {
  const held = new Set<string>()
  return {
    take: async (tree) => {
      const slot = await claimSlot(directory, pid, held)
      let isReleased = false
      const release = async () => {
        if (isReleased) return
        isReleased = true
        await rm(slot, { recursive: true, force: true })
        held.delete(slot)
      }
      try {
        const root = join(await realpath(slot), 'tree')
        await mkdir(root)
        return { root, contentHash: await copyTree(tree, root), release }
      } catch (error) {
        await release()
        throw error
      }
    },
  }
}

async function claimSlot(directory: string, pid: number, held: Set<string>): Promise<string> {
  await mkdir(directory, { recursive: true })
  await freeAbandoned(directory, pid, held)
  for (let number = 0; ; number++) {
    const slot = join(directory, String(number))
    try {
      await mkdir(slot)
      held.add(slot)
      await writeFile(join(slot, 'owner'), String(pid))
      return slot
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

/** A process that was killed leaves its slots; in a container its successor often has the same process id. */
async function freeAbandoned(directory: string, pid: number, held: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    const slot = join(directory, name)
    if (!/^\d+$/.test(name) || held.has(slot)) continue
    const owner = await readFile(join(slot, 'owner'), 'utf8').catch(() => undefined)
    // A slot without an owner is being claimed right now, or was left in that moment: its next visit decides.
    if (owner === undefined || owner === '') continue
    if (Number(owner) !== pid && isAlive(Number(owner))) continue
    await removeSlot(slot, owner, pid)
  }
}

/** Another process may have freed and claimed the slot since its owner was read, so it is taken aside and looked at. */
async function removeSlot(slot: string, owner: string, pid: number): Promise<void> {
  const aside = `${slot}.removed-by-${pid}`
  await rm(aside, { recursive: true, force: true })
  try {
    await rename(slot, aside)
  } catch (error) {
    if (isGone(error)) return
    throw error
  }
  if ((await readFile(join(aside, 'owner'), 'utf8')) === owner) await rm(aside, { recursive: true, force: true })
  else await rename(aside, slot)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function copyTree(tree: Tree, root: string): Promise<string> {
  const directories = new Set(tree.files.map(({ path }) => dirname(path)))
  await forEach([...directories], (directory) => mkdir(join(root, directory), { recursive: true }))
  const digests = new Map<string, Buffer>()
  await forEach(tree.files, async (file) => digests.set(file.path, await copyOne(file, root)))
  const content = createHash('sha256')
  for (const { path } of tree.files) content.update(digests.get(path) ?? '')
  return content.digest('hex')
}

/**
 * Acts on all items, {@link PARALLEL} at a time. When one fails it throws that failure, after those under way have ended,
 * so that none writes into a slot that is being removed.
 */
async function forEach<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values()
  let failure: { readonly error: unknown } | undefined
  const worker = async () => {
    for (const item of left) {
      if (failure !== undefined) return
      try {
        await act(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  if (failure !== undefined) throw failure.error
}

async function copyOne({ path, source, bytes }: TreeFile, root: string): Promise<Buffer> {
  const digest = createHash('sha256').update(path).update('\0')
  const target = join(root, path)
  if (bytes > MAX_HASHED_BYTES) {
    await copyFile(source, target, constants.COPYFILE_FICLONE)
    return digest.update(String(bytes)).digest()
  }
  const content = await readFile(source)
  await writeFile(target, content)
  return digest.update(content).digest()
}
