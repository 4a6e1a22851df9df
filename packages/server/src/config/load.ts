/**
 * Reads the environment into one frozen {@link Config}. The only reader of `process.env` in the server; everything else is
 * handed what it needs.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { decodeOrKeep } from '../base/percent.ts'
import { databaseUrls, type DatabaseUrls } from './database-url.ts'
import { parseSettings, unknownSettings } from './setting-values.ts'
import { SET_UP_SETTINGS, type SettingName, SETTINGS, type Settings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export type Config = {
  readonly settings: Settings
  /** Undefined means the embedded database. */
  readonly database: DatabaseUrls | undefined
  /** What agent code sees: the environment without the server's own secrets. */
  readonly agentEnv: Readonly<Record<string, string>>
  /** Values that must never be shown. */
  readonly secrets: readonly string[]
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env
}

/**
 * @throws {AgentOSError} CONFIG_INVALID with one line per wrong, unknown or contradictory setting; values of secrets are
 *   never repeated
 */
export function loadConfig(env: Environment): Config {
  const given = withoutServiceLinks(env)
  const { values, problems: wrong } = parseSettings(SETTINGS, given)
  const problems = [...unknownSettings(given, 'AGENTOS_', Object.keys(SETTINGS)), ...wrong]
  // Checked key by key; TypeScript cannot follow the loop over a mapped type.
  const checked = values as Settings
  if (problems.length === 0) problems.push(...contradictions(checked))
  if (problems.length > 0) throw new AgentOSError('CONFIG_INVALID', problems.join('\n'))
  return Object.freeze({
    settings: Object.freeze(checked),
    database: databaseUrls(checked),
    agentEnv: Object.freeze(agentEnvironment(env)),
    secrets: Object.freeze(secretValues(env, checked)),
  })
}

/** Kubernetes gives every pod variables of the services around it: a Service named `agentos` yields `AGENTOS_PORT=tcp://...`. */
function withoutServiceLinks(env: Environment): Environment {
  const isLink = (name: string, value: string | undefined) =>
    /_SERVICE_(HOST|PORT)(_|$)/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_|$)/.test(name) ||
    (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? ''))
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !isLink(name, value)))
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

function contradictions(settings: Settings): string[] {
  const problems: string[] = []
  if (!LOOPBACK.test(settings.AGENTOS_HOST) && settings.OS_SECURITY_KEY === undefined && !settings.AGENTOS_INSECURE) {
    problems.push(
      `AGENTOS_HOST: ${settings.AGENTOS_HOST} is open to the network; set OS_SECURITY_KEY, or AGENTOS_INSECURE=true if anyone may use this server`,
    )
  }
  const { DB_HOST, DB_USER, DB_DATABASE } = settings
  if (settings.POSTGRES_URL === undefined && DB_HOST !== undefined) {
    if (DB_USER === undefined) problems.push('DB_USER: required with DB_HOST')
    if (DB_DATABASE === undefined) problems.push('DB_DATABASE: required with DB_HOST')
  }
  for (const name of ['POSTGRES_URL', 'POSTGRES_RAW_URL', 'PGVECTOR_DB_URL'] as const) {
    const url = settings[name]
    if (url !== undefined && !/^postgres(ql)?(\+[a-z0-9]+)?:\/\//.test(url)) {
      problems.push(`${name}: must start with postgresql:// (or postgresql+psycopg://)`)
    }
  }
  if (settings.POSTGRES_URL === undefined && DB_HOST === undefined) {
    for (const name of ['AGENTOS_MAX_BACKGROUND_RUNS', 'AGENTOS_KNOWLEDGE_JOBS'] as const) {
      if (settings[name] > 0) continue
      problems.push(
        `${name}: 0 leaves them to other replicas, and the embedded database has none; set 1 or more, or POSTGRES_URL`,
      )
    }
  }
  return problems
}

const NOT_FOR_AGENTS = new Set<string>([
  ...Object.entries({ ...SETTINGS, ...SET_UP_SETTINGS })
    .filter(([, about]) => 'secret' in about)
    .map(([name]) => name),
  'DB_PASS_FILE',
])

function agentEnvironment(env: Environment): Record<string, string> {
  const visible: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !NOT_FOR_AGENTS.has(name)) visible[name] = value
  }
  return visible
}

/** Secret settings, passwords within URLs, and whatever is named like a key of somebody else's API. */
function secretValues(env: Environment, settings: Settings): string[] {
  const values: string[] = []
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const value = settings[name]
    if (!('secret' in SETTINGS[name]) || typeof value !== 'string') continue
    values.push(value)
    const password = /^[a-z0-9+]+:\/\/[^:@/]*:([^@]*)@/i.exec(value)?.[1]
    if (password !== undefined) values.push(password, decodeOrKeep(password))
  }
  for (const pair of (settings.OTEL_EXPORTER_OTLP_HEADERS ?? '').split(',')) {
    const value = pair.slice(pair.indexOf('=') + 1).trim()
    const header = decodeOrKeep(value)
    // Behind a scheme, as in `Bearer key`, the key is secret by itself.
    values.push(value, header, header.slice(header.lastIndexOf(' ') + 1))
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && /(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS|^PGPASSWORD)$/.test(name)) values.push(value)
  }
  return values.filter((value) => value.length >= 6)
}
