/**
 * Reads a PostgreSQL URL as libpq does, including the forms that SQLAlchemy knows (`postgresql+psycopg://`). pg's own
 * reading is not used: it verifies certificates for `sslmode=require` where libpq, and so every other client of the same
 * URL, does not; and it cannot be combined with a password that is read anew for every connection.
 * @module
 */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { AgentOSError } from '../../base/errors.ts'

export type ConnectionTarget = {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string | undefined
  /** False: plain. */
  readonly ssl: false | ConnectionOptions
  /** `sslmode=prefer`: plain when the server has no TLS. */
  readonly sslOptional: boolean
  /** libpq's `options`, for example `-c search_path=x`. */
  readonly options: string | undefined
}

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
const NO_HOST = 'no-host.invalid'

type SslMode = (typeof SSL_MODES)[number]

/**
 * @throws {AgentOSError} CONFIG_INVALID; its message never holds the URL, which may hold a password
 */
export function parseConnectionUrl(text: string): ConnectionTarget {
  // libpq allows a user without a host, which URL does not.
  const complete = text.replace(/^([a-z0-9+]+:\/\/[^/?#]*@)(?=[/?]|$)/, `$1${NO_HOST}`)
  // No cause: the error of URL carries its input.
  if (!URL.canParse(complete)) throw invalid('it is not a URL; a password may need percent-encoding')
  const url = new URL(complete)
  const scheme = url.protocol.slice(0, -1)
  if (!/^postgres(ql)?(\+[a-z0-9]+)?$/.test(scheme)) {
    throw invalid(`its scheme is "${scheme}", not postgresql, postgres or postgresql+driver`)
  }
  const query = url.searchParams
  const port = Number(url.port || query.get('port') || 5432)
  if (!(port >= 1 && port <= 65_535)) throw invalid(`its port is ${port}, not 1 to 65535`)
  const user = decode(url.username) || query.get('user')
  if (!user) throw invalid('it names no user')
  const { ssl, sslOptional } = readSsl(query)
  return {
    host: query.get('host') || readHost(url) || '127.0.0.1',
    port,
    user,
    database: decode(url.pathname.slice(1)) || user,
    password: decode(url.password) || query.get('password') || undefined,
    ssl,
    sslOptional,
    options: query.get('options') ?? undefined,
  }
}

/** @returns `''` when the URL has none */
function readHost({ hostname }: URL): string {
  return hostname === NO_HOST ? '' : decode(hostname).replace(/^\[(.*)\]$/, '$1')
}

function readSsl(query: URLSearchParams): { ssl: false | ConnectionOptions; sslOptional: boolean } {
  // asyncpg's and pg's spelling is `ssl`.
  const given = query.get('sslmode') ?? query.get('ssl') ?? 'disable'
  const mode = given === 'true' || given === '1' ? 'require' : SSL_MODES.find((known) => known === given)
  if (mode === undefined) throw invalid(`its sslmode is "${given}", not ${SSL_MODES.join(', ')}`)
  if (mode === 'disable' || mode === 'allow') return { ssl: false, sslOptional: false }
  const files = { ca: query.get('sslrootcert'), cert: query.get('sslcert'), key: query.get('sslkey') }
  const ssl: ConnectionOptions = { rejectUnauthorized: verifies(mode, files.ca) }
  // `system` is libpq's word for the trusted authorities of the system, which is what Node does without `ca`.
  if (files.ca && files.ca !== 'system') ssl.ca = readPem(files.ca, 'sslrootcert')
  if (files.cert) ssl.cert = readPem(files.cert, 'sslcert')
  if (files.key) ssl.key = readPem(files.key, 'sslkey')
  if (ssl.rejectUnauthorized && mode !== 'verify-full') ssl.checkServerIdentity = () => undefined
  return { ssl, sslOptional: mode === 'prefer' }
}

/** libpq: `require` with a root certificate verifies the chain like `verify-ca`. */
function verifies(mode: SslMode, ca: string | null): boolean {
  return mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && ca !== null)
}

function readPem(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AgentOSError('CONFIG_INVALID', `Cannot read ${name} ${path} of the database URL`, { cause })
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: libpq refuses it too. The text may be the password, so it is not repeated.
    throw invalid('a percent sign in it is not followed by two hexadecimal digits; write it as %25')
  }
}

function invalid(what: string): AgentOSError {
  return new AgentOSError('CONFIG_INVALID', `The database URL cannot be used: ${what}.`)
}
