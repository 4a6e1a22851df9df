/**
 * A data directory in which a server has been before: making the embedded database anew takes seconds, copying it does
 * not. Kept on the machine, by the migrations and the lockfile.
 * @module
 */
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installOnce } from '../tools/cache-folder.ts'
import { createFolder } from './agents-folder.ts'
import { startServer } from './server-process.ts'

const ROOT = join(import.meta.dirname, '..')
const STORAGE = join(ROOT, 'packages', 'server', 'src', 'storage')
const MIGRATIONS = [join(STORAGE, 'migrations'), join(STORAGE, 'vector-migrations')]

export type DataDirectory = AsyncDisposable & { readonly path: string }

/** A fresh copy with an empty, migrated embedded database and a warm compile cache. */
export async function copyPreparedData(): Promise<DataDirectory> {
  const prepared = await installOnce(`e2e-data-${await version()}`, prepare)
  const path = await mkdtemp(join(tmpdir(), 'agentos-e2e-data-'))
  await cp(prepared, path, { recursive: true })
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

async function version(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(ROOT, 'package-lock.json')))
  for (const folder of MIGRATIONS) {
    for (const name of (await readdir(folder)).toSorted()) hash.update(await readFile(join(folder, name)))
  }
  return hash.digest('hex').slice(0, 12)
}

async function prepare(dataDir: string): Promise<void> {
  await using folder = await createFolder({ 'empty.ts': '' })
  await using server = await startServer({ dir: folder.path, dataDir, env: { AGENTOS_LOAD_POLICY: 'partial' } })
  await server.stop()
}
