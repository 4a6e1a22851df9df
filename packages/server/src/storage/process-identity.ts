/**
 * Which process wrote a lock, and whether it still runs. A process id alone is not enough: it is used again, after a
 * reboot most of all.
 * @module
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { codeOf } from './failure.ts'

export type ProcessIdentity = {
  readonly pid: number
  /** Ticks from boot to its start (proc(5), stat field 22); null where there is no /proc. */
  readonly startTime: string | null
  /** Of the running kernel; null where there is no /proc. */
  readonly bootId: string | null
  /** Process ids mean something only within it; null where there is no /proc. */
  readonly pidNamespace: string | null
}

/** The process that asks. */
export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    startTime: readStartTime(process.pid) ?? null,
    bootId: readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOrNull(() => readlinkSync('/proc/self/ns/pid')),
  }
}

/** @returns `unknown` when the process belongs to another container or machine and cannot be looked at from here */
export function lookUpProcess(identity: ProcessIdentity): 'alive' | 'gone' | 'unknown' {
  const own = ownIdentity()
  if (identity.bootId !== own.bootId || identity.pidNamespace !== own.pidNamespace) return 'unknown'
  if (own.startTime === null) return acceptsSignals(identity.pid) ? 'alive' : 'gone'
  return readStartTime(identity.pid) === identity.startTime ? 'alive' : 'gone'
}

/** @returns undefined when there is no such process, or only its exit status is left of it */
function readStartTime(pid: number): string | undefined {
  const stat = readOrNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (stat === null) return undefined
  // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  return state === 'Z' || state === 'X' ? undefined : fields[19]
}

function acceptsSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function readOrNull(read: () => string): string | null {
  try {
    return read()
  } catch (error) {
    // ESRCH: the process ended between opening and reading its file.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error))) return null
    throw error
  }
}
