/**
 * What tests outside of storage want to know of stored media.
 * @module
 */
import { sql } from 'kysely'
import { storeContent } from '../media.ts'
import type { Db } from '../tables.ts'

/** How many different contents are stored, whoever refers to them. */
export async function countContents(db: Db): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from agentos_media_contents`.execute(db)
  return rows[0]?.n ?? 0
}

/** Stores bytes that no run refers to, as if somebody had brought them so many minutes ago. */
export async function storeUnused(db: Db, content: string, minutesAgo: number): Promise<void> {
  const hash = `hash of ${content}`
  await storeContent(db, { hash, bytes: content.length, pieces: [Buffer.from(content)] })
  await sql`
    update agentos_media_contents set touched_at = now() - ${minutesAgo}::integer * interval '1 minute'
    where content_hash = ${hash}`.execute(db)
}
