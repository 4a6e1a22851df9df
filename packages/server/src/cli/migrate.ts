/**
 * `agentos migrate`: brings the schema up to date and ends, for a job that runs before the servers.
 * @module
 */
import { resolve } from 'node:path'
import { createIds } from '../base/ids.ts'
import { openStorage } from '../main/database.ts'
import { openStore } from '../main/knowledge-store.ts'
import { openCommand } from './process.ts'

export async function migrateOnly(): Promise<number> {
  const { config: given, deps, workingDirectory } = openCommand()
  // Servers may only verify; this command is what they wait for.
  const config = { ...given, settings: { ...given.settings, AGENTOS_MIGRATIONS: 'apply' as const } }
  const dataDirectory = resolve(workingDirectory, config.settings.AGENTOS_DATA_DIR)
  const ids = createIds(deps.clock)
  await using database = await openStorage(config, { ...deps, ids, dataDirectory })
  const { close } = await openStore(config, database, { ...deps, ids })
  await close()
  console.log(`The schema is up to date (${database.engine}).`)
  return 0
}
