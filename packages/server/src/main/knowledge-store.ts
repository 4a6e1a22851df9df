/**
 * Opens what knowledge is searched in: the schema `ai` of the main database, or of the one that PGVECTOR_DB_URL names.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Ids } from '../base/ids.ts'
import { vectorDatabaseUrls } from '../config/database-url.ts'
import type { Config } from '../config/load.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { type KnowledgeStore, openKnowledgeStore } from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'
import { openPatiently, postgresOptions, withLog } from './database.ts'

export type OpenedStore = {
  readonly store: KnowledgeStore
  /** Closes the database, where it is one of its own. */
  readonly close: () => Promise<void>
}

/** @throws {AgentOSError} as `openStorage`; CONFIG_INVALID when the schema cannot be made or the language is not known */
export async function openStore(
  config: Config,
  main: Database,
  deps: { readonly clock: Clock; readonly ids: Ids; readonly log: Log },
): Promise<OpenedStore> {
  const { settings } = config
  const urls = vectorDatabaseUrls(settings)
  const language = settings.AGENTOS_KNOWLEDGE_LANGUAGE
  if (urls === undefined) return { store: await openKnowledgeStore(main, language), close: async () => {} }
  const open = () => openDatabase(postgresOptions(settings, urls), withLog(deps))
  const database = await openPatiently(config, deps, open)
  try {
    return { store: await openKnowledgeStore(database, language), close: database.close }
  } catch (error) {
    await database.close()
    throw error
  }
}
