/**
 * How one connection to PostgreSQL is made, for pools and for the connection that listens.
 * @module
 */
import { readFile } from 'node:fs/promises'
import type pg from 'pg'
import { AgentOSError } from '../../base/errors.ts'
import { codeOf } from '../failure.ts'
import { columnParser } from '../values.ts'
import type { ConnectionTarget } from './connection-url.ts'

const KEEPALIVE_DELAY_MS = 10_000

export type ConnectionSettings = {
  readonly target: ConnectionTarget
  /** Read anew for every connection, so that a rotated password is used as soon as it is there. */
  readonly passwordFile: string | undefined
  /** Told each password that the file holds, before it is used. */
  readonly onSecret?: ((secret: string) => void) | undefined
  /** Longest wait for a connection, new or free, in milliseconds. */
  readonly connectTimeoutMs: number
  readonly applicationName: string
}

export function clientConfig({ target, passwordFile, ...settings }: ConnectionSettings): pg.ClientConfig {
  return {
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    ssl: target.ssl,
    ...(target.options === undefined ? {} : { options: target.options }),
    password:
      passwordFile === undefined ? (target.password ?? '') : () => readPassword(passwordFile, settings.onSecret),
    application_name: settings.applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
    types: { getTypeParser: columnParser as typeof pg.types.getTypeParser }, // ours takes text only; we never ask for binary
  }
}

async function readPassword(path: string, onSecret: ConnectionSettings['onSecret']): Promise<string> {
  try {
    const password = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
    onSecret?.(password)
    return password
  } catch (cause) {
    throw new AgentOSError('DATABASE_AUTH', `Cannot read the password file ${path}: ${codeOf(cause)}`, { cause })
  }
}
