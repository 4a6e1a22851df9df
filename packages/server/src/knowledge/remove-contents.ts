/**
 * Deletes contents, which may be in two databases: what a process that dies in between leaves can be deleted again.
 * @module
 */
import type { Db } from '../storage/database.ts'
import { deleteDocuments } from '../storage/knowledge/chunks.ts'
import { deleteContents, findContent } from '../storage/knowledge/contents.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'

type Stores = { readonly db: Db; readonly store: KnowledgeStore }

/** @returns ids of those that there were */
export async function removeContents(
  { db, store }: Stores,
  knowledgeId: string,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return []
  await deleteDocuments(store, knowledgeId, ids)
  const deleted = await deleteContents(db, knowledgeId, ids)
  // A job that began in between has made one anew.
  await deleteDocuments(store, knowledgeId, deleted)
  return deleted
}

/** What a job has written of a content that was deleted meanwhile. */
export async function forgetDeleted(
  { db, store }: Stores,
  { id, knowledgeId }: { readonly id: string; readonly knowledgeId: string },
): Promise<void> {
  if ((await findContent(db, knowledgeId, id)) === undefined) await deleteDocuments(store, knowledgeId, [id])
}
