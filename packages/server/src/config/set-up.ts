/**
 * What `agentos db-init` is told, from the environment. Its variables are not those of the server, which has no business
 * with an admin.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { decodeOrKeep } from '../base/percent.ts'
import type { Environment } from './load.ts'
import { parseSettings, unknownSettings } from './setting-values.ts'
import { SET_UP_SETTINGS, type SetUpSettings } from './settings.ts'

export type SetUpConfig = {
  readonly adminUrl: string
  readonly database: string
  readonly user: string
  readonly password: string
  readonly schemas: readonly string[]
  readonly extensions: readonly string[]
  /** In milliseconds. */
  readonly waitMs: number
  /** Values that must never be shown. */
  readonly secrets: readonly string[]
}

/** PostgreSQL cuts longer names off, in silence. */
const LONGEST_NAME_BYTES = 63

/** @throws {AgentOSError} CONFIG_INVALID with one line per wrong, missing or unknown variable; secrets are never repeated */
export function loadSetUp(env: Environment): SetUpConfig {
  const { values, problems: wrong } = parseSettings(SET_UP_SETTINGS, env)
  const problems = [...unknownSettings(env, 'INITDB_', Object.keys(SET_UP_SETTINGS)), ...wrong]
  // Checked key by key; TypeScript cannot follow the loop over a mapped type.
  const settings = values as SetUpSettings
  if (problems.length === 0) problems.push(...contradictions(settings))
  if (problems.length > 0) throw new AgentOSError('CONFIG_INVALID', problems.join('\n'))
  const adminUrl = adminUrlOf(settings)
  return {
    adminUrl,
    database: settings.INITDB_DATABASE,
    user: settings.INITDB_USER,
    password: settings.INITDB_PASSWORD,
    schemas: settings.INITDB_SCHEMAS,
    extensions: withoutNone(settings.INITDB_EXTENSIONS),
    waitMs: settings.INITDB_WAIT_SECONDS * 1000,
    secrets: [settings.INITDB_PASSWORD, settings.PGPASSWORD, passwordOf(adminUrl)].filter(
      (value) => value !== undefined,
    ),
  }
}

function contradictions(settings: SetUpSettings): string[] {
  const problems: string[] = []
  if (settings.INITDB_ADMIN_URL === undefined) {
    if (settings.PGHOST === undefined) problems.push('PGHOST: required, or INITDB_ADMIN_URL instead')
    if (settings.PGUSER === undefined) problems.push('PGUSER: required with PGHOST')
  } else if (!/^postgres(ql)?(\+[a-z0-9]+)?:\/\//.test(settings.INITDB_ADMIN_URL)) {
    problems.push('INITDB_ADMIN_URL: must start with postgresql://')
  }
  const { INITDB_DATABASE: database, INITDB_USER: user, INITDB_PASSWORD: password } = settings
  const names = { INITDB_DATABASE: [database], INITDB_USER: [user] }
  const lists = { INITDB_SCHEMAS: settings.INITDB_SCHEMAS, INITDB_EXTENSIONS: settings.INITDB_EXTENSIONS }
  for (const [variable, values] of Object.entries({ ...names, ...lists })) {
    for (const value of values) {
      if (Buffer.byteLength(value) <= LONGEST_NAME_BYTES) continue
      problems.push(`${variable}: must be ${LONGEST_NAME_BYTES} bytes or less, got ${JSON.stringify(value)}`)
    }
  }
  if (/[\r\n]/.test(password)) {
    problems.push(
      'INITDB_PASSWORD: has a line break in it; a Secret made with `echo` has one at its end, `printf` makes none',
    )
  }
  // What Kubernetes leaves of a reference that leads nowhere.
  if (/^\$\(\w+\)$/.test(password)) problems.push('INITDB_PASSWORD: is a reference to a variable that is not set')
  return problems
}

function adminUrlOf(settings: SetUpSettings): string {
  if (settings.INITDB_ADMIN_URL !== undefined) return withDefaults(settings.INITDB_ADMIN_URL)
  const { PGHOST = '', PGUSER = '', PGPASSWORD } = settings
  const password = PGPASSWORD === undefined ? '' : `:${encodeURIComponent(PGPASSWORD)}`
  const query = new URLSearchParams({ host: PGHOST, port: String(settings.PGPORT), sslmode: settings.PGSSLMODE })
  if (settings.PGSSLROOTCERT !== undefined) query.set('sslrootcert', settings.PGSSLROOTCERT)
  return `postgresql://${encodeURIComponent(PGUSER)}${password}@/${encodeURIComponent(settings.PGDATABASE)}?${query.toString()}`
}

/** The defaults of PGSSLMODE and PGDATABASE hold for a URL too. */
function withDefaults(url: string): string {
  const [address = '', query = ''] = url.split(/\?(.*)/s)
  const parameters = new URLSearchParams(query)
  if (!parameters.has('sslmode') && !parameters.has('ssl')) parameters.set('sslmode', 'prefer')
  const hasDatabase = /^[^:]+:\/\/[^/]*\/./.test(address)
  return `${hasDatabase ? address : `${address.replace(/\/$/, '')}/postgres`}?${parameters.toString()}`
}

/** @returns undefined when the URL has none, or is none */
function passwordOf(url: string): string | undefined {
  const encoded = /^[^:]+:\/\/[^:@/]*:([^@/]*)@/.exec(url)?.[1]
  return encoded === undefined || !URL.canParse(`x://:${encoded}@h`) ? undefined : decodeOrKeep(encoded)
}

function withoutNone(names: readonly string[]): readonly string[] {
  return names.length === 1 && names[0] === 'none' ? [] : names
}
