/**
 * Checks the committed lockfile for what breaks an install on someone else's machine: a platform's binary that npm left
 * out, a package without integrity, the address of a registry that others cannot reach, a version that is not exact.
 *
 *   node tools/lockfile.ts
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.-]+)?$/

/** @returns one sentence for each problem, with what to do about it */
export function checkLockfile(lockfile: Lockfile): string[] {
  return Object.entries(lockfile.packages).flatMap(([path, entry]) =>
    path.startsWith('node_modules/') || path.includes('/node_modules/')
      ? [...checkInstalled(path, entry), ...findMissingPlatforms(lockfile, path, entry)]
      : checkOwn(path, entry),
  )
}

function checkInstalled(path: string, entry: LockedPackage): string[] {
  if (entry.link) return []
  const problems: string[] = []
  if (entry.integrity === undefined) {
    problems.push(`${path} has no integrity: remove its entry and run \`npm install\``)
  }
  if (entry.resolved !== undefined) {
    problems.push(`${path} names the registry it came from: remove its "resolved" and keep .npmrc as it is`)
  }
  return problems
}

/** A release can be published before all its binaries are; npm then locks only those it finds, and `npm ci` fails elsewhere. */
function findMissingPlatforms(lockfile: Lockfile, path: string, entry: LockedPackage): string[] {
  return Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !isLocked(lockfile, path, name))
    .map((name) => `${path} wants ${name}, which is not locked: pin a version whose platform packages all exist`)
}

/** Follows Node's lookup: the package's own node_modules, then that of each folder above. */
function isLocked(lockfile: Lockfile, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (lockfile.packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true
    if (folder === '') return false
  }
}

function checkOwn(path: string, entry: LockedPackage): string[] {
  return Object.entries({ ...entry.dependencies, ...entry.devDependencies, ...entry.optionalDependencies })
    .filter(([, range]) => !EXACT_VERSION.test(range))
    .map(([name, range]) => `${path || 'package.json'} asks for ${name} ${range}: write one exact version`)
}

if (import.meta.main) {
  const file = join(import.meta.dirname, '..', 'package-lock.json')
  const lockfile = JSON.parse(readFileSync(file, 'utf8')) as Lockfile
  const problems = checkLockfile(lockfile)
  for (const problem of problems) console.error(problem)
  console.log(`${Object.keys(lockfile.packages).length} locked packages, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
