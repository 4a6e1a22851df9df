/**
 * Keeps a second server out of a data directory: PGlite itself would open it twice and lose data.
 *
 * Everyone who wants the directory first writes a claim, a file of its own with a name nobody else uses, and then looks
 * at all claims. Whoever sees the claim of another living process withdraws. Of two at once, at least one sees the
 * other, so never do both win; and because a name is never used twice, removing the claim of a dead process can never
 * remove the claim of a living one.
 * @module
 */
import { randomBytes, randomInt } from 'node:crypto'
import { mkdir, readdir, readFile, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { isJsonObject, parseJson } from '../base/json.ts'
import { codeOf } from './failure.ts'
import { lookUpProcess, ownIdentity, type ProcessIdentity } from './process-identity.ts'

const CLAIM = /^lock-\d+-[0-9a-f]+$/

/** How often an owner touches its claim, for those who cannot look at its process. */
const HEARTBEAT_MS = 2_000

/** A claim of another machine or container is dead when nobody has touched it for so long. */
const SILENT_MS = 10_000

/** Two servers that start at once may both withdraw; each tries again so often, after a random pause. */
const CONTEST_ATTEMPTS = 20

export type DirectoryLock = { readonly release: () => Promise<void> }

type Claim = { readonly path: string; readonly owner: ProcessIdentity | undefined; readonly touchedMs: number }

/**
 * Takes the directory, which is made when it is missing. Waits up to {@link SILENT_MS} for the claim of a container that
 * may have been killed.
 * @throws {AgentOSError} DATA_DIR_LOCKED, with the directory and the process that has it
 */
export async function lockDirectory(directory: string, clock: Clock): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const seen = new Map<string, number>()
  for (let attempt = 1; ; attempt++) {
    const own = await writeClaim(directory)
    const rivals = await findRivals(directory, own)
    const rival = rivals[0]
    if (rival === undefined) return holdClaim(own.path, clock)
    await unlink(own.path)
    const known = rivals.find(({ owner }) => owner !== undefined && lookUpProcess(owner) === 'alive')
    if (known !== undefined && attempt >= CONTEST_ATTEMPTS) throw lockedBy(directory, known)
    const beating = rivals.find(({ path, touchedMs }) => (seen.get(path) ?? touchedMs) !== touchedMs)
    if (beating !== undefined) throw lockedBy(directory, beating)
    for (const { path, touchedMs } of rivals) seen.set(path, touchedMs)
    await sleep(known === undefined ? randomInt(200, 600) : randomInt(5, 50))
  }
}

async function writeClaim(directory: string): Promise<Claim> {
  const owner = ownIdentity()
  const path = join(directory, `lock-${owner.pid}-${randomBytes(6).toString('hex')}`)
  await writeFile(path, JSON.stringify(owner), { flag: 'wx', mode: 0o600 })
  return { path, owner, touchedMs: (await stat(path)).mtimeMs }
}

/** The claims of others that may be alive; removes those that are not. */
async function findRivals(directory: string, own: Claim): Promise<Claim[]> {
  const rivals: Claim[] = []
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    if (!CLAIM.test(name) || path === own.path) continue
    const claim = await readClaim(path)
    if (claim === undefined) continue
    const standing = claim.owner === undefined ? 'unknown' : lookUpProcess(claim.owner)
    // Both times are the file system's own, so clocks of two machines do not matter.
    const isSilent = own.touchedMs - claim.touchedMs > SILENT_MS
    if (standing === 'gone' || (standing === 'unknown' && isSilent)) await unlinkIfThere(path)
    else rivals.push(claim)
  }
  return rivals
}

/** @returns undefined when the claim has been withdrawn meanwhile */
async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    const touchedMs = (await stat(path)).mtimeMs
    return { path, owner: readOwner(await readFile(path, 'utf8')), touchedMs }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** @returns undefined when the claim is still being written, or its writer died over it */
function readOwner(text: string): ProcessIdentity | undefined {
  const owner = parseJson(text)
  if (owner === undefined || !isJsonObject(owner) || typeof owner['pid'] !== 'number') return undefined
  const textOrNull = (key: string) => (typeof owner[key] === 'string' ? owner[key] : null)
  return {
    pid: owner['pid'],
    startTime: textOrNull('startTime'),
    bootId: textOrNull('bootId'),
    pidNamespace: textOrNull('pidNamespace'),
  }
}

function holdClaim(path: string, clock: Clock): DirectoryLock {
  const touch = async () => {
    const seconds = clock.now() / 1000
    await utimes(path, seconds, seconds)
  }
  const heartbeat = setInterval(() => {
    // The directory may be gone or read-only by now; the database itself will say so.
    touch().catch(() => {})
  }, HEARTBEAT_MS)
  heartbeat.unref()
  return {
    release: async () => {
      clearInterval(heartbeat)
      await unlinkIfThere(path)
    },
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function lockedBy(directory: string, { owner }: Claim): AgentOSError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid}`
  return new AgentOSError('DATA_DIR_LOCKED', `The data directory ${directory} is in use by ${who}.`)
}
