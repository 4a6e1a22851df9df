import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AgentOSError } from '../base/errors.ts'
import { loadConfig } from './load.ts'

const failure = (env: Record<string, string>): AgentOSError => {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof AgentOSError) return error
    throw error
  }
  throw new Error('the settings were accepted')
}

test('an empty environment gives the embedded database on a loopback address', () => {
  const { settings, database } = loadConfig({})
  expect(settings).toMatchObject({ AGENTOS_HOST: '127.0.0.1', AGENTOS_PORT: 8000, AGENTOS_DISCONNECT_GRACE: 60 })
  expect(database).toBeUndefined()
})

test('an unknown setting is refused, with the name that was meant', () => {
  expect(failure({ AGENTOS_PROT: '1' })).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(failure({ AGENTOS_PROT: '1' }).message).toContain('AGENTOS_PROT: unknown setting; did you mean AGENTOS_PORT?')
})

test('every wrong setting is named with its value in one error, a secret without it', () => {
  const { message } = failure({ AGENTOS_PORT: 'http', AGENTOS_LOAD_POLICY: 'lax', OS_SECURITY_KEY: 'short' })
  expect(message).toContain('AGENTOS_PORT')
  expect(message).toContain('"http"')
  expect(message).toContain('"lax"')
  expect(message).toContain('OS_SECURITY_KEY')
  expect(message).not.toContain('"short"')
})

test('an empty value is the same as none', () => {
  expect(loadConfig({ AGENTOS_PORT: '', OS_SECURITY_KEY: '' }).settings).toMatchObject({ AGENTOS_PORT: 8000 })
})

test.each(['0.0.0.0', '::', '10.1.2.3', 'agents.example.com'])(
  'listening on %s needs a key or the explicit wish',
  (host) => {
    expect(failure({ AGENTOS_HOST: host }).message).toContain('OS_SECURITY_KEY')
    expect(loadConfig({ AGENTOS_HOST: host, OS_SECURITY_KEY: 'a-long-key' }).settings.AGENTOS_HOST).toBe(host)
    expect(loadConfig({ AGENTOS_HOST: host, AGENTOS_INSECURE: 'true' }).settings.AGENTOS_HOST).toBe(host)
  },
)

test.each(['AGENTOS_MAX_BACKGROUND_RUNS', 'AGENTOS_KNOWLEDGE_JOBS'])(
  '%s of 0 is refused with the embedded database, where nobody else would do that work',
  (name) => {
    expect(failure({ [name]: '0' }).message).toContain(`${name}: 0 leaves them to other replicas`)
    const database = { POSTGRES_URL: 'postgresql://app@db/agentos' }
    expect(loadConfig({ [name]: '0', ...database }).settings).toMatchObject({ [name]: 0 })
  },
)

test('variables that Kubernetes makes for a Service named agentos are not settings', () => {
  const config = loadConfig({
    AGENTOS_PORT: 'tcp://10.0.0.1:8000',
    AGENTOS_SERVICE_HOST: '10.0.0.1',
    AGENTOS_SERVICE_PORT: '8000',
    AGENTOS_SERVICE_PORT_HTTP: '8000',
    AGENTOS_PORT_8000_TCP: 'tcp://10.0.0.1:8000',
    AGENTOS_PORT_8000_TCP_ADDR: '10.0.0.1',
  })
  expect(config.settings.AGENTOS_PORT).toBe(8000)
})

test.each([
  ['postgresql+psycopg://u:p@h/d', 'postgresql://u:p@h/d'],
  ['postgres://u:p@h/d?sslmode=require', 'postgresql://u:p@h/d?sslmode=require'],
])('%s is read as %s', (given, url) => {
  expect(loadConfig({ POSTGRES_URL: given }).database).toMatchObject({ url, directUrl: url })
})

test('a URL built from parts gives every user, password and database back', () => {
  const part = fc
    .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
    .filter((s) => s.trim() === s && s.isWellFormed())
  fc.assert(
    fc.property(part, part, part, (user, password, name) => {
      const env = { DB_HOST: 'db', DB_USER: user, DB_PASS: password, DB_DATABASE: name }
      const url = new URL(loadConfig(env).database?.url ?? '')
      expect(decodeURIComponent(url.username)).toBe(user)
      expect(decodeURIComponent(url.password)).toBe(password)
      expect(decodeURIComponent(url.pathname.slice(1))).toBe(name)
    }),
  )
})

test('parts that are missing are named', () => {
  const { message } = failure({ DB_HOST: 'db' })
  expect(message).toContain('DB_USER: required with DB_HOST')
  expect(message).toContain('DB_DATABASE: required with DB_HOST')
})

test("agents see the environment without the server's own secrets", () => {
  const env = { JIRA_TOKEN: 'jira-token', POSTGRES_URL: 'postgresql://u:secret-1@h/d', OS_SECURITY_KEY: 'a-long-key' }
  const { agentEnv, secrets } = loadConfig(env)
  expect(agentEnv).toEqual({ JIRA_TOKEN: 'jira-token' })
  expect(secrets).toEqual(expect.arrayContaining(['jira-token', 'secret-1', 'a-long-key']))
})

test('the headers of a collector are a secret, each value for itself, and agents do not see them', () => {
  const env = { OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=collector%20key,authorization=Basic YQ==' }
  const { secrets, agentEnv } = loadConfig(env)
  expect(secrets).toEqual(expect.arrayContaining(['collector%20key', 'collector key', 'Basic YQ==']))
  expect(agentEnv).not.toHaveProperty('OTEL_EXPORTER_OTLP_HEADERS')
  expect(failure({ OTEL_EXPORTER_OTLP_HEADERS: 'a-key-alone' }).message).not.toContain('a-key-alone')
})
