/**
 * What a database is to the rest of the server, whichever engine runs it.
 * @module
 */
import type { Notifications } from './notifications.ts'
import type { Db } from './tables.ts'

export type PostgresOptions = {
  readonly kind: 'postgres'
  /** `postgresql://`, `postgres://` or `postgresql+driver://`, with libpq's `sslmode` and certificate parameters. */
  readonly url: string
  /**
   * Straight to the server, for migrations and notifications. Given only where `url` goes through a pooler that gives
   * every transaction another connection, such as PgBouncer.
   */
  readonly directUrl?: string
  /** Most connections for requests. */
  readonly poolSize: number
  /** Most connections for background work; one for migrations and pings and one for notifications come on top. */
  readonly backgroundPoolSize: number
  /** Longest time one statement may take, in milliseconds; 0 is no limit. */
  readonly statementTimeoutMs: number
  /** Longest wait for a connection, new or free, in milliseconds. */
  readonly connectTimeoutMs: number
  /** File with the password, read anew for every connection; wins over the password of the URL. */
  readonly passwordFile?: string
  /** Told each password that the file holds, before it is used: it must not be shown from then on. */
  readonly onSecret?: (secret: string) => void
  readonly applicationName: string
}

export type EmbeddedOptions = {
  readonly kind: 'embedded'
  /** Made when it is missing. One server at a time may have it open. */
  readonly directory: string
}

export type DatabaseOptions = PostgresOptions | EmbeddedOptions

export type DatabaseLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void

/** Connections of a pool at the moment. */
export type PoolState = {
  readonly name: 'requests' | 'background'
  readonly used: number
  readonly idle: number
  /** Statements that wait for a connection. */
  readonly waiting: number
  /** Most connections. */
  readonly max: number
}

export type Database = {
  readonly engine: 'postgres' | 'embedded'
  readonly db: Db
  /** A pool of its own on PostgreSQL, the same object on the embedded engine. */
  readonly background: Db
  /**
   * One connection without a statement timeout, for migrations, that passes by a pooler; the same object on the embedded
   * engine.
   */
  readonly maintenance: Db
  /**
   * Runs work that takes long on a connection of its own, without a statement timeout and past a pooler; the same object
   * on the embedded engine.
   */
  readonly aside: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  readonly notifications: Notifications
  /** Empty on the embedded engine, which has none. */
  readonly pools: () => readonly PoolState[]
  /** @throws {AgentOSError} DATABASE_UNAVAILABLE when the database does not answer within `timeoutMs` */
  readonly ping: (timeoutMs: number) => Promise<void>
  /** Waits for what is running; what comes later fails with DATABASE_UNAVAILABLE. May be called twice. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}
