/**
 * What tests outside of storage want to know of stored media.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

/** How many different contents are stored, whoever refers to them. */
export async function countContents(db: Db): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from agentos_media_contents`.execute(db)
  return rows[0]?.n ?? 0
}
