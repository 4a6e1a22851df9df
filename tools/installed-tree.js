/**
 * Answers whether `node_modules` is what the lockfile says, without asking npm. Plain JavaScript for Node 20.
 * npm writes `node_modules/.package-lock.json` as the last step of every install: what it lists is what is there, and an
 * interrupted install leaves none. So an install made by hand counts as well as one of ours.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {'prod' | 'dev'} Scope what the tree must hold: what the server needs, or what its developers need too
 * @typedef {{ version?: string, integrity?: string, resolved?: string, link?: boolean, dev?: boolean,
 *   devOptional?: boolean, optional?: boolean, peer?: boolean, extraneous?: boolean }} LockEntry
 * @typedef {{ packages?: Record<string, LockEntry> }} Lockfile
 */

/**
 * @param {Lockfile} wanted the committed lockfile
 * @param {Lockfile | undefined} installed npm's own record of the tree
 * @param {Scope} scope
 * @returns {string | undefined} the first package that is missing or differs; undefined when the tree will do
 */
export function findDifference(wanted, installed, scope) {
  const present = installed?.packages ?? {}
  for (const [path, entry] of Object.entries(wanted.packages ?? {})) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue
    if (scope === 'prod' && (entry.dev || entry.devOptional)) continue
    const found = present[path]
    if (found === undefined) {
      // Binaries for other platforms are in the lockfile only.
      if (entry.optional || entry.devOptional) continue
      return path
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return path
  }
  return undefined
}

/**
 * @param {string} root folder with `package-lock.json`
 * @param {Scope} scope
 * @returns {string | undefined} why the tree will not do; undefined when it will
 */
export function whyInstall(root, scope) {
  const wanted = readLockfile(join(root, 'package-lock.json'))
  if (wanted === undefined) throw new Error(`${join(root, 'package-lock.json')} is missing: restore it from Git.`)
  const installed = readLockfile(join(root, 'node_modules', '.package-lock.json'))
  if (installed === undefined) return 'nothing is installed yet'
  const different = findDifference(wanted, installed, scope)
  return different === undefined ? undefined : `${different} is not what package-lock.json says`
}

/**
 * @param {string} path
 * @returns {Lockfile | undefined} undefined when there is no such file
 */
function readLockfile(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined
    throw error
  }
}
