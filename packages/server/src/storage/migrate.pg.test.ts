import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { type Migration, readMigrations } from './migration-files.ts'
import { openTestDatabase } from './testing/database.ts'

const next = (additive: boolean): Migration => ({
  version: 900,
  name: '0900_next.sql',
  text: 'create table agentos_next (a int)',
  checksum: 'next',
  additive,
})

const codeOf = (result: PromiseSettledResult<unknown>) =>
  result.status === 'fulfilled' ? 'ok' : (result.reason as { code: string }).code // of the catalogue

test.each([
  { additive: true, late: 'ok' },
  { additive: false, late: 'SCHEMA_NEWER' },
])('of two releases that start at once the newer one comes up, and the older one as well: $late', async (rule) => {
  await using database = await openTestDatabase({ migrated: false })
  const known = await readMigrations()
  if (database.options.kind !== 'postgres') throw new TypeError('PostgreSQL only')
  await using other = await openDatabase(database.options, { clock: systemClock })
  const [older, newer] = await Promise.allSettled([
    migrate(other, known),
    migrate(database, [...known, next(rule.additive)]),
  ])
  expect(codeOf(newer)).toBe('ok')
  // It may have come before the other one.
  expect(['ok', rule.late]).toContain(codeOf(older))
  const [again] = await Promise.allSettled([migrate(other, known)])
  expect(codeOf(again)).toBe(rule.late)
})
