/**
 * What tests of knowledge do to its tables, and look up there.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../tables.ts'

export async function clearKnowledge(db: Db): Promise<void> {
  await sql`
    truncate agentos_knowledge_contents, agentos_knowledge_syncs, agentos_knowledge_deletions, ai.agentos_documents
    cascade`.execute(db)
}

/** As if their replicas had died long ago. */
export async function expireJobs(db: Db): Promise<void> {
  await sql`
    update agentos_knowledge_contents set lease_until = now() - interval '1 second'
    where lease_owner is not null`.execute(db)
}

export const countLeasedJobs = (db: Db) => count(db, sql`agentos_knowledge_contents where lease_owner is not null`)
export const countUploadParts = (db: Db) => count(db, sql`agentos_knowledge_uploads`)
export const countDeletions = (db: Db) => count(db, sql`agentos_knowledge_deletions`)
/** Of all versions, shown or not. */
export const countChunks = (db: Db) => count(db, sql`ai.agentos_chunks`)

/** Tries of the last job of each content. */
export async function listTries(db: Db): Promise<number[]> {
  const { rows } = await sql<{ tries: number }>`select tries from agentos_knowledge_contents`.execute(db)
  return rows.map(({ tries }) => tries)
}

async function count(db: Db, from: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) from ${from}`.execute(db)
  return rows[0]?.count ?? 0
}

/** Makes the schema of chunks and lets `role` use it, but make no extension. */
export async function grantSchema(db: Db, role: string): Promise<void> {
  await sql.raw(`create schema ai; grant all on schema ai to ${role}`).execute(db)
}
