/**
 * The schema `ai`: where chunks and their vectors are, in the main database or in one of their own. Brings it up to date,
 * where it may, and finds out what the database can do.
 * @module
 */
import { sql } from 'kysely'
import { AgentOSError } from '../../base/errors.ts'
import type { Database } from '../engine.ts'
import { codeOf, reasonOf } from '../failure.ts'
import { migrate } from '../migrate.ts'
import { readMigrations } from '../migration-files.ts'
import { describeOlder, findMissing } from '../schema-check.ts'
import type { Db } from '../tables.ts'

const DIRECTORY = new URL('../vector-migrations/', import.meta.url)
const TABLE = 'ai.agentos_migrations'
const INSUFFICIENT_PRIVILEGE = '42501'
/** Extension as it must be for an index that filters, by numbers. */
const ITERATIVE_SINCE = [0, 8] as const

/** What can be done with vectors there. */
export type VectorSupport = {
  /** Whether an index scan goes on until a strict filter has found enough (pgvector 0.8). */
  readonly iterative: boolean
}

export type KnowledgeStore = {
  readonly database: Database
  /** Undefined where the extension is missing. */
  readonly vectors: VectorSupport | undefined
  /** Why there are no vectors, in a sentence. */
  readonly problem: string | undefined
  /** Text search configuration for words of texts and questions. */
  readonly language: string
}

/**
 * Brings the schema up to date and opens it.
 * @param database stays the caller's
 * @throws {AgentOSError} SCHEMA_NEWER, SCHEMA_CHANGED; CONFIG_INVALID when the schema cannot be made or the language is
 *   not known there
 */
export async function openKnowledgeStore(database: Database, language: string): Promise<KnowledgeStore> {
  await makeSchema(database.maintenance)
  await migrate(database, await readMigrations(DIRECTORY), TABLE)
  return describeStore(database, language, await addVectors(database.maintenance))
}

/**
 * Opens the schema as it is.
 * @param database stays the caller's; {@link findOlderKnowledge} found nothing to do there
 * @throws {AgentOSError} CONFIG_INVALID when the language is not known there
 */
export async function openMigratedKnowledgeStore(database: Database, language: string): Promise<KnowledgeStore> {
  const { isReady } = await findVectors(database.maintenance)
  const problem = isReady ? undefined : 'vectors were not prepared there; `agentos migrate` says why, or prepares them'
  return describeStore(database, language, problem)
}

/**
 * @returns SCHEMA_OLDER when the schema lacks something that this release needs
 * @throws {AgentOSError} SCHEMA_NEWER, SCHEMA_CHANGED
 */
export async function findOlderKnowledge(db: Db): Promise<AgentOSError | undefined> {
  return describeOlder('The schema of knowledge', await findMissing(db, await readMigrations(DIRECTORY), TABLE))
}

async function describeStore(
  database: Database,
  language: string,
  problem: string | undefined,
): Promise<KnowledgeStore> {
  await checkLanguage(database.maintenance, language)
  const vectors = problem === undefined ? await describeVectors(database.maintenance) : undefined
  return { database, vectors, problem, language }
}

/** Asking for a schema that is there needs the right to make one. */
async function makeSchema(db: Db): Promise<void> {
  const { rows } = await sql<{ missing: boolean }>`select to_regnamespace('ai') is null as missing`.execute(db)
  if (rows[0]?.missing === false) return
  try {
    await sql`create schema if not exists ai`.execute(db)
  } catch (cause) {
    if (codeOf(cause) !== INSUFFICIENT_PRIVILEGE) throw cause
    const message = `Knowledge needs the schema "ai", which this user may not make: ${reasonOf(cause)}. Make it once: CREATE SCHEMA ai AUTHORIZATION the_user`
    throw new AgentOSError('CONFIG_INVALID', message, { cause })
  }
}

async function checkLanguage(db: Db, language: string): Promise<void> {
  const { rows } = await sql<{ known: boolean }>`
    select exists (select from pg_ts_config where cfgname = ${language} and pg_ts_config_is_visible(oid)) as known`.execute(
    db,
  )
  if (rows[0]?.known === true) return
  throw new AgentOSError(
    'CONFIG_INVALID',
    `AGENTOS_KNOWLEDGE_LANGUAGE: the database has no text search configuration "${language}"; \\dF of psql lists them`,
  )
}

async function findVectors(db: Db): Promise<{ isReady: boolean; isTyped: boolean; isOffered: boolean }> {
  const { rows } = await sql<{ typed: boolean; ready: boolean; offered: boolean }>`
    select to_regtype('vector') is not null as typed,
      exists (select from pg_attribute where attrelid = 'ai.agentos_chunks'::regclass and attname = 'embedding') as ready,
      exists (select from pg_available_extensions where name = 'vector') as offered`.execute(db)
  const isTyped = rows[0]?.typed === true
  return { isTyped, isReady: isTyped && rows[0]?.ready === true, isOffered: rows[0]?.offered === true }
}

/** @returns why there can be none; undefined when all is there */
async function addVectors(db: Db): Promise<string | undefined> {
  const { isReady, isTyped, isOffered } = await findVectors(db)
  if (isReady) return undefined
  if (!isTyped) {
    if (!isOffered) return 'the database server does not have the extension pgvector'
    try {
      await sql`create extension if not exists vector`.execute(db)
    } catch (error) {
      return `the extension pgvector is not in this database and cannot be made by this user: ${reasonOf(error)}`
    }
    const { rows: now } = await sql<{ typed: boolean }>`select to_regtype('vector') is not null as typed`.execute(db)
    if (now[0]?.typed !== true) return 'the extension pgvector is in a schema that is not on the search path'
  }
  await sql`alter table ai.agentos_chunks add column if not exists embedding vector`.execute(db)
  return undefined
}

async function describeVectors(db: Db): Promise<VectorSupport> {
  const { rows } = await sql<{ version: string }>`
    select extversion as version from pg_extension where extname = 'vector'`.execute(db)
  const [major = 0, minor = 0] = (rows[0]?.version ?? '').split('.').map(Number)
  const [leastMajor, leastMinor] = ITERATIVE_SINCE
  return { iterative: major > leastMajor || minor >= leastMinor }
}
