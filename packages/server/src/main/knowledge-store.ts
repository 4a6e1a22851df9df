/**
 * Opens what knowledge is searched in: the schema `ai` of the main database, or of the one that PGVECTOR_DB_URL names.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Ids } from '../base/ids.ts'
import { vectorDatabaseUrls } from '../config/database-url.ts'
import type { Config } from '../config/load.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import {
  findOlderKnowledge,
  type KnowledgeStore,
  openKnowledgeStore,
  openMigratedKnowledgeStore,
} from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'
import { type AwaitSchema, openPatiently, postgresOptions, verifySchema, withLog } from './database.ts'

export type OpenedStore = {
  readonly store: KnowledgeStore
  /** Closes the database, where it is one of its own. */
  readonly close: () => Promise<void>
}

/**
 * @param awaitSchema as `openStorage`
 * @throws {AgentOSError} as `openStorage`; CONFIG_INVALID when the schema cannot be made or the language is not known
 */
export async function openStore(
  config: Config,
  main: Database,
  deps: { readonly clock: Clock; readonly ids: Ids; readonly log: Log; readonly learnSecret: (secret: string) => void },
  awaitSchema?: AwaitSchema,
): Promise<OpenedStore> {
  const { settings } = config
  const urls = vectorDatabaseUrls(settings)
  const open = async (database: Database): Promise<KnowledgeStore> => {
    const language = settings.AGENTOS_KNOWLEDGE_LANGUAGE
    if (settings.AGENTOS_MIGRATIONS === 'apply') return openKnowledgeStore(database, language)
    await verifySchema(database, () => findOlderKnowledge(database.maintenance), awaitSchema)
    return openMigratedKnowledgeStore(database, language)
  }
  if (urls === undefined) return { store: await open(main), close: async () => {} }
  const database = await openPatiently(config, deps, () =>
    openDatabase(postgresOptions(settings, urls, deps.learnSecret), withLog(deps)),
  )
  try {
    return { store: await open(database), close: database.close }
  } catch (error) {
    await database.close()
    throw error
  }
}
