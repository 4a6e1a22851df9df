/**
 * A lock between processes that may install into the same `node_modules` at the same time. Plain JavaScript for Node 20.
 * The lock is a file that holds the process id of its owner; it comes into being whole, by `link`, so no reader ever
 * sees it empty.
 * Invariant: only one living process holds the lock.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 200

/** No install takes this long: an older lock belongs to a process whose id someone else has by now. */
const ABANDONED_MS = 30 * 60_000

/**
 * Runs `action` while no other process holds the lock.
 * @template T
 * @param {string} path of the lock file
 * @param {{ onWait: (owner: number) => void, action: () => T | Promise<T> }} options `onWait` is told once whom we wait for
 * @returns {Promise<T>}
 */
export async function withInstallLock(path, { onWait, action }) {
  mkdirSync(dirname(path), { recursive: true })
  for (let hasWaited = false; !tryAcquire(path); hasWaited = true) {
    const owner = readOwner(path)
    if (owner === undefined) continue
    if (isAbandoned(path, owner)) takeAway(path, owner)
    else if (!hasWaited) onWait(owner)
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
 * @returns {boolean} whether the lock is ours now
 */
function tryAcquire(path) {
  const own = `${path}.${randomUUID()}`
  writeFileSync(own, String(process.pid))
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(own)
  }
}

/**
 * @param {string} path
 * @param {number} owner
 */
function isAbandoned(path, owner) {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity)
  return age > ABANDONED_MS || !isAlive(owner)
}

/**
 * Removes an abandoned lock. Whoever looks at it first may be slow: only under a lock of its own is it certain that the
 * one removed is still the one that was looked at.
 * @param {string} path
 * @param {number} abandoned its owner when we looked
 */
function takeAway(path, abandoned) {
  const guard = `${path}.removal`
  if (!tryAcquire(guard)) return
  try {
    if (readOwner(path) === abandoned) rmSync(path)
  } finally {
    rmSync(guard)
  }
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
