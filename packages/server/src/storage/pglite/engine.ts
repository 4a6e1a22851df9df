/**
 * The embedded engine: PGlite (PostgreSQL 18 and pgvector in WebAssembly) in a thread of its own, on a directory that
 * only this process has open. Without fsync: it survives the death of the process, not of the machine.
 * @module
 */
import { mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import { AgentOSError } from '../../base/errors.ts'
import { withDeadline } from '../deadline.ts'
import { lockDirectory, type DirectoryLock } from '../directory-lock.ts'
import type { Database, DatabaseLog, EmbeddedOptions } from '../engine.ts'
import { codeOf, reasonOf, unavailable } from '../failure.ts'
import { NO_NOTIFICATIONS } from '../notifications.ts'
import type { Tables } from '../tables.ts'
import { startPglite, type PgliteClient } from './client.ts'
import { createPgliteDialect } from './dialect.ts'

/**
 * @throws {AgentOSError} DATA_DIR_LOCKED, DATABASE_UNAVAILABLE
 */
export async function openEmbedded(
  { directory }: EmbeddedOptions,
  { clock, log }: { readonly clock: Clock; readonly log: DatabaseLog },
): Promise<Database> {
  const lock = await lockDirectory(directory, clock).catch((error: unknown) => {
    if (error instanceof AgentOSError) throw error
    throw unavailable(`The data directory ${directory} cannot be used: ${reasonOf(error)}`, error)
  })
  try {
    const client = await openData(directory, (reason) => log('error', 'The embedded database has stopped', { reason }))
    const db = new Kysely<Tables>({ dialect: createPgliteDialect(client) })
    let closing: Promise<void> | undefined
    const close = () => (closing ??= closeAll(client, lock))
    return {
      engine: 'embedded',
      db,
      background: db,
      maintenance: db,
      aside: (work) => work(db),
      notifications: NO_NOTIFICATIONS,
      pools: () => [],
      ping: async (timeoutMs) => {
        await withDeadline(client.query('select 1', []), timeoutMs)
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/**
 * A first start that was interrupted leaves a cluster that cannot be opened. The mark beside it says that nothing can
 * have been stored in it yet, so that it may be made anew.
 */
async function openData(directory: string, onDeath: (reason: string) => void): Promise<PgliteClient> {
  const data = join(directory, 'postgres')
  const mark = join(directory, 'postgres-is-being-made')
  if (await exists(mark)) await rm(data, { recursive: true, force: true })
  if (!(await exists(data))) await mkdir(mark, { recursive: true })
  const client = await startPglite(data, onDeath)
  if (await exists(mark)) await rmdir(mark)
  return client
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function closeAll(client: PgliteClient, lock: DirectoryLock): Promise<void> {
  try {
    await client.close()
  } finally {
    await lock.release()
  }
}
