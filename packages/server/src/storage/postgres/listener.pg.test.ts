import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openDatabase, type Database } from '../database.ts'
import type { PostgresOptions } from '../engine.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'

let admin: TestDatabase
let given: PostgresOptions
beforeAll(async () => {
  admin = await openTestDatabase({ migrated: false })
  if (admin.options.kind !== 'postgres') throw new TypeError('this file is for the postgres project')
  given = admin.options
})
afterAll(() => admin?.close())

const open = (applicationName: string, log?: (level: string, message: string) => void) =>
  openDatabase({ ...given, applicationName }, { clock: systemClock, ...(log ? { log } : {}) })

/** Once the database says that it listens, nothing can be missed. */
const listens = async (applicationName: string) =>
  (
    await sql`select from pg_stat_activity
      where application_name = ${applicationName} and query = 'listen agentos' and state = 'idle'`.execute(admin.db)
  ).rows.length

async function openListening(applicationName: string, log?: (level: string, message: string) => void) {
  const database = await open(applicationName, log)
  const heard: string[] = []
  const stop = database.notifications.onNotify((topic) => heard.push(topic))
  await expect.poll(() => listens(applicationName)).toBe(1)
  return { database, heard, stop, [Symbol.asyncDispose]: () => database.close() }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 100))

test('what one replica notifies all others hear, once, and it does not hear itself', async () => {
  await using one = await openListening('one')
  await using two = await openListening('two')
  await using three = await openListening('three')
  for (const topic of ['queue', 'cancel', 'queue', 'queue']) one.database.notifications.notify(topic)
  await expect
    .poll(() => [two.heard, three.heard])
    .toEqual([
      ['queue', 'cancel'],
      ['queue', 'cancel'],
    ])
  await settle()
  expect(two.heard).toEqual(['queue', 'cancel'])
  expect(one.heard).toEqual([])
})

test('who stopped listening hears nothing more', async () => {
  await using one = await openListening('one')
  await using two = await openListening('two')
  two.stop()
  const others: string[] = []
  two.database.notifications.onNotify((topic) => others.push(topic))
  one.database.notifications.notify('queue')
  await expect.poll(() => others).toEqual(['queue'])
  expect(two.heard).toEqual([])
})

test('what was notified just before closing is still told', async () => {
  await using one = await openListening('one')
  const two = await openListening('two')
  two.database.notifications.notify('queue')
  await two.database.close()
  two.database.notifications.notify('cancel')
  await expect.poll(() => one.heard).toEqual(['queue'])
})

test('a connection that broke is made again, and says so once', async () => {
  const said: string[] = []
  await using one = await openListening('one', (level, message) => said.push(`${level}: ${message}`))
  await using two = await openListening('two')
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'one' and query = 'listen agentos'`.execute(admin.db)
  await expect.poll(() => said.filter((line) => line.includes('Hints'))).toHaveLength(2)
  two.database.notifications.notify('queue')
  await expect.poll(() => one.heard).toEqual(['queue'])
  expect(said.filter((line) => line.includes('Hints'))).toEqual([
    'warn: Hints from other replicas are not heard',
    'info: Hints from other replicas are heard again',
  ])
})

test('what is notified before there is a connection is told once there is one', async () => {
  await using one = await openListening('one')
  await using database = await open('two')
  database.notifications.notify('queue')
  await expect.poll(() => one.heard).toEqual(['queue'])
})

test('a topic may be any text', async () => {
  await using one = await openListening('one')
  await using two = await openListening('two')
  const topic = `a'b"c\\ü, {}; drop table agentos_runs`
  one.database.notifications.notify(topic)
  await expect.poll(() => two.heard).toEqual([topic])
})

test('a database that nobody listens to has no connection for it', async () => {
  await using database: Database = await open('silent')
  await sql`select 1`.execute(database.db)
  expect(await listens('silent')).toBe(0)
})
