/**
 * Takes PgBouncer from Debian into the cache folder, with the libraries it needs: nothing of it is installed on the
 * machine, and root is not needed. A `pgbouncer` that the machine has already is used as it is.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { installOnce } from './cache-folder.ts'

const run = promisify(execFile)

/** Beside what every Debian has. */
const PACKAGES = ['pgbouncer', 'libevent-2.1-7', 'libc-ares2']
const LIBRARIES = 'usr/lib/x86_64-linux-gnu'
const DOWNLOAD_TIMEOUT_MS = 120_000

export type InstalledPgbouncer = {
  readonly command: string
  /** Where its libraries are; empty when the machine has them. */
  readonly libraryPath: string
}

/** @returns why PgBouncer can be had on this machine neither way; undefined when it can */
export async function whyNoPgbouncer(): Promise<string | undefined> {
  if ((await findInstalled()) !== undefined) return undefined
  const obstacle = 'PgBouncer is not installed, and this is no Debian 12 for amd64 to take it from'
  try {
    const { stdout } = await run('dpkg', ['--print-architecture'])
    const { stdout: release } = await run('sh', ['-c', '. /etc/os-release && echo "$ID $VERSION_ID"'])
    return stdout.trim() === 'amd64' && release.trim() === 'debian 12' ? undefined : obstacle
  } catch {
    // No dpkg: not a Debian.
    return obstacle
  }
}

/** @throws {Error} when the machine cannot have it, or the download fails */
export async function installPgbouncer(): Promise<InstalledPgbouncer> {
  const installed = await findInstalled()
  if (installed !== undefined) return { command: installed, libraryPath: '' }
  const obstacle = await whyNoPgbouncer()
  if (obstacle !== undefined) throw new Error(`${obstacle}. Install it.`)
  const folder = await installOnce('pgbouncer-debian-12', unpackPackages)
  return { command: join(folder, 'usr/sbin/pgbouncer'), libraryPath: join(folder, LIBRARIES) }
}

async function findInstalled(): Promise<string | undefined> {
  const { PATH = '' } = process.env
  // Debian has it in sbin, which the PATH of a user may lack.
  for (const folder of [...PATH.split(delimiter), '/usr/sbin']) {
    const command = join(folder, 'pgbouncer')
    const works = await run(command, ['--version']).then(
      () => true,
      () => false,
    )
    if (works) return command
  }
  return undefined
}

async function unpackPackages(folder: string): Promise<void> {
  const work = join(folder, 'download')
  await mkdir(join(work, 'lists/partial'), { recursive: true })
  const options = { cwd: work, timeout: DOWNLOAD_TIMEOUT_MS }
  // Lists of our own: those of the machine may be missing or old, and only root may renew them. No user of apt's own: it
  // could not write here.
  const apt = ['-qq', '-o', `Dir::State::Lists=${join(work, 'lists')}`, '-o', 'APT::Sandbox::User=']
  await run('apt-get', [...apt, 'update'], options)
  await run('apt-get', [...apt, 'download', ...PACKAGES], options)
  for (const name of await readdir(work)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', ['-x', join(work, name), folder])
  }
  await rm(work, { recursive: true })
}
