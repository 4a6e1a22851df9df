import { expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createIds } from '../../base/ids.ts'
import { createLearningRedact } from '../../base/redact.ts'
import { loadConfig, type Environment } from '../../config/load.ts'
import { openTestDatabase } from '../../storage/testing/database.ts'
import { createTestRole } from '../../storage/testing/role.ts'
import { examine } from './examine.ts'
import { describeReport } from './text.ts'

function look(environment: Environment) {
  const config = loadConfig({ AGENTOS_PORT: '0', ...environment })
  const subject = { config, agentsDirectory: import.meta.dirname, workingDirectory: import.meta.dirname }
  const { redact, learn: learnSecret } = createLearningRedact(config.secrets)
  return examine(subject, { clock: systemClock, ids: createIds(systemClock), redact, learnSecret })
}

test('is well with a database that is, and shows no secret', async () => {
  await using database = await openTestDatabase()
  if (database.options.kind !== 'postgres') throw new TypeError('this file is for the postgres project')
  const { url } = database.options
  const report = await look({ POSTGRES_URL: url, AGENTOS_LEASE_MS: '7000', OS_SECURITY_KEY: 'only-for-friends' })
  expect(report.problems).toEqual([])
  const text = describeReport(report, Date.now())
  const { password, host, pathname } = new URL(url)
  expect(text).toContain(`PostgreSQL at ${host}${pathname}`)
  expect(text).toContain('AGENTOS_LEASE_MS=7000')
  expect(text).toContain('OS_SECURITY_KEY=[redacted]')
  expect(text.split('\n').at(-1)).toBe('ok')
  for (const shown of [text, JSON.stringify(report)]) {
    expect(shown).not.toContain(password)
    expect(shown).not.toContain('only-for-friends')
  }
})

test('says why a database cannot be used, and what to do', async () => {
  await using database = await openTestDatabase({ migrated: false })
  if (database.options.kind !== 'postgres') throw new TypeError('this file is for the postgres project')
  const url = new URL(database.options.url)
  const empty = await look({ POSTGRES_URL: url.href })
  expect(empty.problems).toMatchObject([{ what: 'The database has no tables yet.' }])
  url.password = 'wr0ng-secret'
  const refused = await look({ POSTGRES_URL: url.href })
  expect(refused.problems).toMatchObject([{ code: 'DATABASE_AUTH', next: expect.stringContaining('password') }])
  expect(JSON.stringify(refused)).not.toContain('wr0ng-secret')
  url.port = '1'
  const gone = await look({ POSTGRES_URL: url.href })
  expect(gone.problems).toMatchObject([{ code: 'DATABASE_UNREACHABLE', what: expect.stringContaining('127.0.0.1:1') }])
})

test('says what the role may not do', async () => {
  await using database = await openTestDatabase()
  if (database.options.kind !== 'postgres') throw new TypeError('this file is for the postgres project')
  await using role = await createTestRole(database, database.options.url)
  const whats = async () => (await look({ POSTGRES_URL: role.url })).problems.map(({ what }) => what)
  expect(await whats()).toEqual([expect.stringMatching(`^The role ${role.name} may not read and write agentos_`)])
  await role.grantAllTables()
  expect(await whats()).toEqual([expect.stringMatching(`^The role ${role.name} does not own agentos_.*new days`)])
})
