import { AbortedTransactionError, sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Db } from './tables.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'
import { jsonText, textArray } from './values.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

test('values come back as the same types', async () => {
  const { rows } = await sql`
    select 12::int8 as int8, 3::int4 as int4, 2.5::float8 as float8, 1.10::numeric as numeric, date '2026-02-03' as date,
      timestamptz '2026-02-03 04:05:06.789+00' as timestamptz, true as boolean, null::text as empty,
      ${jsonText({ a: [1, 'ü', null] })}::jsonb as jsonb, ${textArray(['a"b', 'c\\d', 'e,f'])}::text[] as texts,
      ${new Date(5)}::timestamptz as moment, ${Buffer.from([0, 255])}::bytea as bytes, ${true}::boolean as yes,
      ${'a\0b'}::text as text, count(*) as count`.execute(db)
  expect(rows).toEqual([
    {
      int8: 12,
      int4: 3,
      float8: 2.5,
      numeric: '1.10',
      date: '2026-02-03',
      timestamptz: new Date('2026-02-03T04:05:06.789Z'),
      boolean: true,
      empty: null,
      jsonb: { a: [1, 'ü', null] },
      texts: ['a"b', 'c\\d', 'e,f'],
      moment: new Date(5),
      bytes: Buffer.from([0, 255]),
      yes: true,
      text: 'a\ufffdb',
      count: 1,
    },
  ])
})

test('an error of a statement has its SQLSTATE and leaves the connection usable', async () => {
  await expect(sql`select ${1}::int / 0`.execute(db)).rejects.toMatchObject({ code: '22012' })
  await expect(sql`select * from missing where a = ${1}`.execute(db)).rejects.toMatchObject({ code: '42P01' })
  await sql`insert into agentos_signals (name) values ('twice')`.execute(db)
  await expect(sql`insert into agentos_signals (name) values (${'twice'})`.execute(db)).rejects.toMatchObject({
    code: '23505',
    constraint: 'agentos_signals_pkey',
  })
  expect((await sql`select ${3}::int as three`.execute(db)).rows).toEqual([{ three: 3 }])
})

test('nobody outside sees a transaction before it commits, and nobody joins it', async () => {
  const inside = Promise.withResolvers<void>()
  const seen = Promise.withResolvers<void>()
  const transaction = db.transaction().execute(async (transaction) => {
    await sql`insert into agentos_signals (name) values ('inside')`.execute(transaction)
    inside.resolve()
    await seen.promise
    throw new Error('changed my mind')
  })
  await inside.promise
  const outside = sql`insert into agentos_signals (name) values ('outside')`.execute(db)
  const other = db
    .transaction()
    .execute((other) => sql`insert into agentos_signals (name) values ('other')`.execute(other))
  await new Promise((resolve) => setTimeout(resolve, 100))
  seen.resolve()
  await expect(transaction).rejects.toThrow('changed my mind')
  await Promise.all([outside, other])
  const names = await db
    .selectFrom('agentos_signals')
    .select('name')
    .where('name', 'in', ['inside', 'outside', 'other'])
    .execute()
  expect(names.map(({ name }) => name).sort()).toEqual(['other', 'outside'])
})

test('a hundred transactions and statements at once all keep what they wrote', async () => {
  await sql`insert into agentos_signals (name) values ('counter')`.execute(db)
  const add = (db: Db) => sql`update agentos_signals set version = version + 1 where name = 'counter'`.execute(db)
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0
        ? add(db)
        : db.transaction().execute(async (transaction) => {
            await add(transaction)
            await sql`select 1`.execute(transaction)
          }),
    ),
  )
  const counter = await db
    .selectFrom('agentos_signals')
    .select('version')
    .where('name', '=', 'counter')
    .executeTakeFirst()
  expect(counter).toEqual({ version: 100 })
})

test('a transaction whose statement failed does not pretend to commit', async () => {
  const swallowed = db.transaction().execute(async (transaction) => {
    await sql`select 1 / 0`.execute(transaction).catch(() => {})
  })
  await expect(swallowed).rejects.toBeInstanceOf(AbortedTransactionError)
  expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }])
})

test('answers a ping', async () => {
  await expect(database.ping(5_000)).resolves.toBeUndefined()
})

test('closing waits for what runs, and refuses what comes later', async () => {
  await using other = await openTestDatabase({ migrated: false })
  const running = sql`select pg_sleep(0.2), 1 as one`.execute(other.db)
  // A query that Kysely has not handed to the engine yet is not running.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closed = other.close()
  expect((await running).rows).toMatchObject([{ one: 1 }])
  await closed
  await expect(sql`select 1`.execute(other.db)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await expect(other.ping(1_000)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
})
