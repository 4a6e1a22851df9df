/**
 * Database URLs from the variables that the deployment sets: whole, with SQLAlchemy's driver suffix, or in parts.
 * @module
 */
import type { Settings } from './settings.ts'

export type DatabaseUrls = {
  /** For requests and background work; may go through a pooler. */
  readonly url: string
  /** Straight to the server: migrations and notifications. */
  readonly directUrl: string
  readonly passwordFile: string | undefined
}

/** @returns undefined when nothing names a PostgreSQL */
export function databaseUrls(settings: Settings): DatabaseUrls | undefined {
  const url = settings.POSTGRES_URL ?? fromParts(settings)
  if (url === undefined) return undefined
  return {
    url: withoutDriver(url),
    directUrl: withoutDriver(settings.POSTGRES_RAW_URL ?? url),
    passwordFile: settings.DB_PASS_FILE,
  }
}

/** Where chunks and vectors are; undefined when that is the main database. */
export function vectorDatabaseUrls(settings: Settings): DatabaseUrls | undefined {
  const main = databaseUrls(settings)
  const url = settings.PGVECTOR_DB_URL === undefined ? undefined : withoutDriver(settings.PGVECTOR_DB_URL)
  if (url === undefined || url === main?.url || url === main?.directUrl) return undefined
  return { url, directUrl: url, passwordFile: undefined }
}

/** `postgresql+psycopg://` is SQLAlchemy's way to name a driver; the wire protocol is the same. */
function withoutDriver(url: string): string {
  return url.replace(/^postgres(?:ql)?(?:\+[a-z0-9]+)?:/, 'postgresql:')
}

function fromParts({ DB_HOST, DB_PORT, DB_USER, DB_PASS, DB_DATABASE }: Settings): string | undefined {
  if (DB_HOST === undefined || DB_USER === undefined || DB_DATABASE === undefined) return undefined
  const password = DB_PASS === undefined ? '' : `:${encodeURIComponent(DB_PASS)}`
  const host = DB_HOST.includes(':') && !DB_HOST.startsWith('[') ? `[${DB_HOST}]` : DB_HOST
  return `postgresql://${encodeURIComponent(DB_USER)}${password}@${host}:${DB_PORT}/${encodeURIComponent(DB_DATABASE)}`
}
