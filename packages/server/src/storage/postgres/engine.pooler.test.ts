import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openDatabase } from '../database.ts'
import type { PostgresOptions } from '../engine.ts'
import { HOT } from '../hot-statement.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'

let database: TestDatabase
let given: PostgresOptions
beforeAll(async () => {
  database = await openTestDatabase()
  if (database.options.kind !== 'postgres') throw new TypeError('this file is for the pooler project')
  given = database.options
})
afterAll(() => database?.close())

test('a pooler that nobody was told of is told apart from a server, with what to set', async () => {
  const { directUrl, ...hidden } = given
  expect(directUrl).not.toBe(undefined)
  await expect(openDatabase(hidden, { clock: systemClock })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/^POSTGRES_URL goes through a pooler at 127\.0\.0\.1:\d+: set POSTGRES_RAW_URL/),
  })
})

test('a statement that takes too long is stopped on the server, and its connection goes on', async () => {
  await using hasty = await openDatabase({ ...given, statementTimeoutMs: 100, poolSize: 1 }, { clock: systemClock })
  const startedAt = performance.now()
  await expect(sql`select pg_sleep(10)`.execute(hasty.db)).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringContaining('took too long'),
  })
  expect(performance.now() - startedAt).toBeLessThan(3_000)
  const { rows } = await sql`
    select query from pg_stat_activity
    where state = 'active' and query like '%pg_sleep(10)%' and pid <> pg_backend_pid()`.execute(database.maintenance)
  expect(rows).toEqual([])
  expect((await sql`select 1 as one`.execute(hasty.db)).rows).toEqual([{ one: 1 }])
  await sql`select pg_sleep(0.3)`.execute(hasty.maintenance)
})

test('hot statements work on whatever connection the pooler gives them, and leave no name behind', async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const { rows } = await sql<{ index: number }>`${HOT} select ${index}::int as index`.execute(database.db)
      return rows[0]?.index
    }),
  )
  expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => index))
  const names = await Promise.all(
    Array.from({ length: 20 }, () =>
      sql`select name from pg_prepared_statements where name like 'hot_%'`.execute(database.db),
    ),
  )
  expect(names.flatMap(({ rows }) => rows)).toEqual([])
})

test('transactions stay on one connection while more of them are open than the pooler has connections', async () => {
  const sums = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      database.db.transaction().execute(async (transaction) => {
        await sql`create temporary table agentos_own (a int) on commit drop`.execute(transaction)
        await sql`insert into agentos_own values (${index})`.execute(transaction)
        const { rows } = await sql<{ sum: number }>`select sum(a) as sum from agentos_own`.execute(transaction)
        return Number(rows[0]?.sum)
      }),
    ),
  )
  expect(sums).toEqual(Array.from({ length: 20 }, (_, index) => index))
})
