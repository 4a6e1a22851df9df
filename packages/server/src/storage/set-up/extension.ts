/**
 * Extensions of the database: installed, brought up to date, old ones refused.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { codeOf, reasonOf } from '../failure.ts'
import type { SetUpPlan } from './plan.ts'
import { identifier, type Session, shown } from './session.ts'

/** The first release of pgvector with HNSW indexes. */
const OLDEST: Readonly<Record<string, string>> = { vector: '0.5.0' }

const NO_PRIVILEGE = '42501'

type Found = { readonly offered: string | null; readonly installed: string | null }

/**
 * On a connection of the admin to the database itself, in a transaction.
 * @throws {AgentOSError} DATABASE_SETUP_EXTENSION
 */
export async function setUpExtensions(session: Session, { extensions, schemas, report }: SetUpPlan): Promise<void> {
  // Its types must be found by name, and `public` is where every session looks.
  const place = schemas.includes('public') ? 'public' : schemas[0]
  if (place !== undefined) await session.rows(`set local search_path to ${identifier(place)}`)
  for (const name of extensions) {
    const before = await findExtension(session, name)
    if (before.installed === null) await create(session, name, before)
    else if (before.offered !== null && before.offered !== before.installed) await update(session, name, report)
    const { installed } = await findExtension(session, name)
    requireVersion(name, installed)
    report(`extension ${shown(name)}: ${before.installed === null ? 'made' : 'was there'}, version ${installed}`)
  }
}

async function findExtension(session: Session, name: string): Promise<Found> {
  const [found] = await session.rows<Found>(
    `select (select default_version from pg_catalog.pg_available_extensions where name = $1) as offered,
       (select extversion from pg_catalog.pg_extension where extname = $1) as installed`,
    [name],
  )
  return found ?? { offered: null, installed: null }
}

async function create(session: Session, name: string, { offered }: Found): Promise<void> {
  if (offered === null) throw refuse(`The server does not have the extension ${shown(name)}.`)
  try {
    await session.rows(`create extension if not exists ${identifier(name)}`)
  } catch (cause) {
    const { database, user } = session.target
    const by = `by ${shown(user)} in database ${shown(database)}`
    throw refuse(`The extension ${shown(name)} cannot be made ${by}: ${reasonOf(cause)}.`, cause)
  }
}

/** An older release goes on working, so an admin that does not own it is no reason to stop. */
async function update(session: Session, name: string, report: SetUpPlan['report']): Promise<void> {
  await session.rows('savepoint before_update')
  try {
    await session.rows(`alter extension ${identifier(name)} update`)
  } catch (error) {
    if (codeOf(error) !== NO_PRIVILEGE)
      throw refuse(`The extension ${shown(name)} cannot be updated: ${reasonOf(error)}.`, error)
    await session.rows('rollback to savepoint before_update')
    report(`extension ${shown(name)}: not updated, its owner is somebody else`)
  }
}

function requireVersion(name: string, installed: string | null): void {
  const oldest = OLDEST[name]
  if (oldest === undefined || installed === null || !isOlder(installed, oldest)) return
  throw refuse(`The extension ${shown(name)} is version ${installed}, and ${oldest} is the oldest that will do.`)
}

/** Compares the numbers of dotted versions. */
export function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

function refuse(message: string, cause?: unknown): AgentOSError {
  return new AgentOSError('DATABASE_SETUP_EXTENSION', message, cause === undefined ? {} : { cause })
}
