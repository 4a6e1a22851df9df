/**
 * Programs out of packages of Debian, unpacked into the cache folder: nothing of them is installed on the machine, and root
 * is not needed. Knows Debian 12 on amd64, whose libraries the programs are linked with.
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const DOWNLOAD_TIMEOUT_MS = 120_000

/**
 * The first `command` of the PATH, and of `alsoIn`, that answers `--version`.
 * @returns its path; undefined when there is none
 */
export async function findCommand(command: string, alsoIn: readonly string[] = []): Promise<string | undefined> {
  const { PATH = '' } = process.env
  for (const folder of [...PATH.split(delimiter), ...alsoIn]) {
    const path = join(folder, command)
    const works = await run(path, ['--version']).then(
      () => true,
      () => false,
    )
    if (works) return path
  }
  return undefined
}

/** Whether this is the Debian whose packages can be unpacked here. */
export async function isDebian12(): Promise<boolean> {
  try {
    const { stdout } = await run('dpkg', ['--print-architecture'])
    const { stdout: release } = await run('sh', ['-c', '. /etc/os-release && echo "$ID $VERSION_ID"'])
    return stdout.trim() === 'amd64' && release.trim() === 'debian 12'
  } catch {
    // No dpkg: not a Debian.
    return false
  }
}

/**
 * Downloads packages, without those that they depend on, and unpacks them into `folder`.
 * @throws {Error} when apt cannot find or download one
 */
export async function unpackPackages(folder: string, packages: readonly string[]): Promise<void> {
  const work = join(folder, 'download')
  await mkdir(join(work, 'lists/partial'), { recursive: true })
  const options = { cwd: work, timeout: DOWNLOAD_TIMEOUT_MS }
  // Lists of our own: those of the machine may be missing or old, and only root may renew them. No user of apt's own: it
  // could not write here.
  const apt = ['-qq', '-o', `Dir::State::Lists=${join(work, 'lists')}`, '-o', 'APT::Sandbox::User=']
  await run('apt-get', [...apt, 'update'], options)
  await run('apt-get', [...apt, 'download', ...packages], options)
  for (const name of await readdir(work)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', ['-x', join(work, name), folder])
  }
  await rm(work, { recursive: true })
}
