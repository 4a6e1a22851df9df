/**
 * What is left of contents that were deleted: documents that were written after their content was gone. They may be in
 * another database than the contents, so no statement sees both.
 * @module
 */
import { sql } from 'kysely'
import type { KnowledgeStore } from './store.ts'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

/**
 * Contents that were deleted some time ago and were not added again since.
 * @returns `noted`: all that were looked at; `gone`: those of them that there are not; both ids
 */
export async function listDeletions(
  db: Db,
  { minutes, limit }: { readonly minutes: number; readonly limit: number },
): Promise<{ readonly noted: readonly string[]; readonly gone: readonly string[] }> {
  const { rows } = await sql<{ content_id: string; is_there: boolean }>`
    select d.content_id, exists (
      select from agentos_knowledge_contents c where c.content_id = d.content_id
    ) as is_there
    from agentos_knowledge_deletions d where d.deleted_at <= now() - ${minutes}::float8 * interval '1 minute'
    order by d.deleted_at limit ${limit}::integer`.execute(db)
  const gone = rows.filter((row) => !row.is_there)
  return { noted: rows.map((row) => row.content_id), gone: gone.map((row) => row.content_id) }
}

/**
 * Deletes documents with their chunks, but for those that somebody has written within `minutes`: their content was added
 * again. @returns how many
 */
export async function deleteUntouchedDocuments(
  { database }: KnowledgeStore,
  contentIds: readonly string[],
  minutes: number,
): Promise<number> {
  if (contentIds.length === 0) return 0
  const { rows } = await sql`
    delete from ai.agentos_documents
    where content_id = any(${textArray(contentIds)}::text[])
      and updated_at <= now() - ${minutes}::float8 * interval '1 minute' returning 1`.execute(database.background)
  return rows.length
}

/** Nothing is left of these; one that was deleted again since stays noted. */
export async function forgetDeletions(db: Db, contentIds: readonly string[], minutes: number): Promise<void> {
  await sql`
    delete from agentos_knowledge_deletions
    where content_id = any(${textArray(contentIds)}::text[])
      and deleted_at <= now() - ${minutes}::float8 * interval '1 minute'`.execute(db)
}
