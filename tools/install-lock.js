/**
 * A lock between processes that may install into the same `node_modules` at the same time. Plain JavaScript for Node 20.
 * The lock is a file that holds the process id of its owner; it comes into being whole, by `link`, so no reader ever
 * sees it empty.
 * Invariant: only one living process holds the lock.
 * @module
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 200

/**
 * Runs `action` while no other process holds the lock.
 * @template T
 * @param {string} path of the lock file
 * @param {{ onWait: (owner: number) => void, action: () => T | Promise<T> }} options `onWait` is told once whom we wait for
 * @returns {Promise<T>}
 */
export async function withInstallLock(path, { onWait, action }) {
  mkdirSync(dirname(path), { recursive: true })
  for (let waited = false; ; waited = true) {
    const owner = acquire(path)
    if (owner === process.pid) break
    if (!waited && owner !== undefined) onWait(owner)
    await sleep(POLL_MS)
  }
  try {
    return await action()
  } finally {
    rmSync(path, { force: true })
  }
}

/**
 * @param {string} path
 * @returns {number | undefined} who holds the lock now; undefined when it was let go meanwhile
 */
function acquire(path) {
  const own = `${path}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    linkSync(own, path)
    return process.pid
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
  const owner = readOwner(path)
  if (owner !== undefined && !isAlive(owner)) takeAway(path, owner)
  return owner
}

/**
 * Removes the lock of a process that died, unless someone else has replaced it since we looked.
 * @param {string} path
 * @param {number} dead
 */
function takeAway(path, dead) {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return
    throw error
  }
  if (readOwner(aside) !== dead) linkSync(aside, path)
  rmSync(aside)
}

/**
 * @param {string} path
 * @returns {number | undefined}
 */
function readOwner(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined
    throw error
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
