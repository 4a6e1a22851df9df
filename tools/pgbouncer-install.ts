/**
 * PgBouncer: the one of the machine, or one out of Debian's packages, with the libraries it needs.
 * @module
 */
import { join } from 'node:path'
import { installOnce } from './cache-folder.ts'
import { findCommand, isDebian12, unpackPackages } from './debian-packages.ts'

/** Beside what every Debian has. */
const PACKAGES = ['pgbouncer', 'libevent-2.1-7', 'libc-ares2']
const LIBRARIES = 'usr/lib/x86_64-linux-gnu'

export type InstalledPgbouncer = {
  readonly command: string
  /** Where its libraries are; empty when the machine has them. */
  readonly libraryPath: string
}

/** @returns why PgBouncer can be had on this machine neither way; undefined when it can */
export async function whyNoPgbouncer(): Promise<string | undefined> {
  if ((await findInstalled()) !== undefined || (await isDebian12())) return undefined
  return 'PgBouncer is not installed, and this is no Debian 12 for amd64 to take it from'
}

/** @throws {Error} when the machine cannot have it, or the download fails */
export async function installPgbouncer(): Promise<InstalledPgbouncer> {
  const installed = await findInstalled()
  if (installed !== undefined) return { command: installed, libraryPath: '' }
  const obstacle = await whyNoPgbouncer()
  if (obstacle !== undefined) throw new Error(`${obstacle}. Install it.`)
  const folder = await installOnce('pgbouncer-debian-12', (target) => unpackPackages(target, PACKAGES))
  return { command: join(folder, 'usr/sbin/pgbouncer'), libraryPath: join(folder, LIBRARIES) }
}

/** Debian has it in sbin, which the PATH of a user may lack. */
function findInstalled(): Promise<string | undefined> {
  return findCommand('pgbouncer', ['/usr/sbin'])
}
