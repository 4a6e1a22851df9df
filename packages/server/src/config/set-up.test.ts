import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseConnectionUrl } from '../storage/postgres/connection-url.ts'
import { loadConfig } from './load.ts'
import { loadSetUp } from './set-up.ts'

const ASKED = { INITDB_DATABASE: 'agentos', INITDB_USER: 'agentos', INITDB_PASSWORD: 'of-the-user' }
const ADMIN = { PGHOST: 'db.example', PGUSER: 'admin', PGPASSWORD: 'of-the-admin' }

test('fills in what is not said', () => {
  const { adminUrl, ...plan } = loadSetUp({ ...ASKED, ...ADMIN })
  expect(plan).toMatchObject({ schemas: ['public', 'ai'], extensions: ['vector'], waitMs: 120_000 })
  const admin = { host: 'db.example', port: 5432, database: 'postgres', user: 'admin', password: 'of-the-admin' }
  expect(parseConnectionUrl(adminUrl)).toMatchObject({ ...admin, sslOptional: true })
  expect(loadSetUp({ ...ASKED, ...ADMIN, INITDB_EXTENSIONS: 'none' }).extensions).toEqual([])
})

test.each([
  ['postgresql://admin:of%2Fthe@db.example', { database: 'postgres', sslOptional: true }],
  ['postgres://admin:of%2Fthe@db.example/', { database: 'postgres', sslOptional: true }],
  [
    'postgresql+psycopg://admin:of%2Fthe@db.example/maintenance?sslmode=disable',
    { database: 'maintenance', ssl: false },
  ],
])('takes the admin from %s', (INITDB_ADMIN_URL, expected) => {
  const { adminUrl, secrets } = loadSetUp({ ...ASKED, ...ADMIN, INITDB_ADMIN_URL })
  expect(parseConnectionUrl(adminUrl)).toMatchObject({
    host: 'db.example',
    user: 'admin',
    password: 'of/the',
    ...expected,
  })
  expect(secrets).toContain('of/the')
})

test('the parts of the admin survive whatever they are made of', () => {
  const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((value) => value.isWellFormed())
  fc.assert(
    fc.property(text, text, (PGUSER, PGPASSWORD) => {
      const { adminUrl } = loadSetUp({ ...ASKED, ...ADMIN, PGUSER, PGPASSWORD })
      expect(parseConnectionUrl(adminUrl)).toMatchObject({ user: PGUSER, password: PGPASSWORD, host: 'db.example' })
    }),
  )
})

test('names every problem at once, and no secret', () => {
  const wrong = { ...ASKED, INITDB_PASSWORT: 'of-the-user', INITDB_WAIT_SECONDS: 'soon', INITDB_USER: '' }
  const load = () => loadSetUp(wrong)
  expect(load).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(load).toThrow(
    /INITDB_PASSWORT: unknown setting; did you mean INITDB_PASSWORD\?\nINITDB_USER: required\nINITDB_WAIT/,
  )
  expect(load).not.toThrow(/of-the-user/)
})

test.each([
  [{ INITDB_PASSWORD: 'line\n' }, 'INITDB_PASSWORD: has a line break'],
  [{ INITDB_PASSWORD: '$(DB_PASS)' }, 'INITDB_PASSWORD: is a reference to a variable that is not set'],
  [{ INITDB_DATABASE: 'ä'.repeat(32) }, 'INITDB_DATABASE: must be 63 bytes or less'],
  [{ INITDB_SCHEMAS: `ai,${'x'.repeat(64)}` }, 'INITDB_SCHEMAS: must be 63 bytes or less'],
  [{ PGHOST: '' }, 'PGHOST: required, or INITDB_ADMIN_URL instead'],
  [{ INITDB_ADMIN_URL: 'mysql://x' }, 'INITDB_ADMIN_URL: must start with postgresql://'],
])('refuses %o', (change, sentence) => {
  expect(() => loadSetUp({ ...ASKED, ...ADMIN, ...change })).toThrow(sentence)
})

test('agents of a server that was started with them do not see the passwords', () => {
  const { agentEnv } = loadConfig({
    ...ASKED,
    ...ADMIN,
    INITDB_ADMIN_URL: 'postgresql://admin:of-the-admin@db.example',
  })
  expect(JSON.stringify(agentEnv)).not.toMatch(/of-the/)
})
