import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openDatabase } from '../database.ts'
import type { PostgresOptions } from '../engine.ts'
import { HOT } from '../hot-statement.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'

let admin: TestDatabase
let given: PostgresOptions
beforeAll(async () => {
  admin = await openTestDatabase({ migrated: false })
  if (admin.options.kind !== 'postgres') throw new TypeError('this file is for the postgres project')
  // What is tested here belongs to a connection of one's own.
  const { directUrl, ...options } = admin.options
  given = directUrl === undefined ? options : { ...options, url: directUrl }
})
afterAll(() => admin?.close())

const open = (change: Partial<PostgresOptions> = {}) => openDatabase({ ...given, ...change }, { clock: systemClock })

test('tells what its pools are doing: who works, who is idle, who waits', async () => {
  await using database = await open({ poolSize: 2, backgroundPoolSize: 1 })
  const requests = () => database.pools().find(({ name }) => name === 'requests')
  const sleeping = Array.from({ length: 3 }, () => sql`select pg_sleep(0.3)`.execute(database.db))
  await expect.poll(requests).toEqual({ name: 'requests', used: 2, idle: 0, waiting: 1, max: 2 })
  await Promise.all(sleeping)
  expect(requests()).toEqual({ name: 'requests', used: 0, idle: 2, waiting: 0, max: 2 })
  expect(database.pools().map(({ name, max }) => [name, max])).toEqual([
    ['requests', 2],
    ['background', 1],
  ])
})

function withUrl(change: (url: URL) => void): string {
  const url = new URL(given.url)
  change(url)
  return url.href
}

/** A login role that is gone when the test is. */
async function createRole(password: string) {
  const name = `role_${randomBytes(6).toString('hex')}`
  await sql`create role ${sql.id(name)} login password ${sql.lit(password)}`.execute(admin.db)
  return { name, [Symbol.asyncDispose]: async () => void (await sql`drop role ${sql.id(name)}`.execute(admin.db)) }
}

/**
 * A way to the server that can fall silent: what is connected stays so and hears nothing any more.
 * @param rewrite changes what clients say, without changing its length
 */
async function connectThrough(url: URL, rewrite?: (said: Buffer) => Buffer) {
  const pairs: [Socket, Socket][] = []
  const proxy = createServer((client) => {
    const server = connect(Number(url.port), url.hostname)
    for (const socket of [client, server]) socket.on('error', () => {})
    if (rewrite === undefined) client.pipe(server)
    else client.on('data', (said: Buffer) => server.write(rewrite(said))).on('end', () => server.end())
    server.pipe(client)
    pairs.push([client, server])
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo // an inet socket always has one
  return {
    url: withUrl((url) => (url.port = String(port))),
    fallSilent: () => {
      for (const [client, server] of pairs) {
        server.unpipe(client)
        client.unpipe(server)
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of pairs.flat()) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

const one = async (db: TestDatabase['db']) => (await sql<{ one: number }>`select 1 as one`.execute(db)).rows[0]?.one

test('a wrong password is refused without being repeated', async () => {
  const url = withUrl((url) => (url.password = 'wr0ng-secret'))
  const failure = await open({ url }).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({
    code: 'DATABASE_AUTH',
    message: expect.stringContaining('password authentication failed'),
  })
  expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('wr0ng-secret')
})

test('no password at all is refused as one', async () => {
  await expect(open({ url: withUrl((url) => (url.password = '')) })).rejects.toMatchObject({ code: 'DATABASE_AUTH' })
})

test('a database that does not exist is named', async () => {
  await expect(open({ url: withUrl((url) => (url.pathname = '/nope')) })).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.stringContaining('database "nope" does not exist'),
  })
})

test('the URLs of SQLAlchemy work, and sslmode=prefer goes on without TLS where the server has none', async () => {
  await using database = await open({
    url: `${given.url.replace('postgresql:', 'postgresql+psycopg:')}?sslmode=prefer`,
  })
  expect(await one(database.db)).toBe(1)
  await expect(open({ url: `${given.url}?sslmode=require` })).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
})

test('connections carry the name of the application', async () => {
  const { rows } = await sql<{ name: string }>`select current_setting('application_name') as name`.execute(admin.db)
  expect(rows).toEqual([{ name: 'agentos-test' }])
})

test('a statement that takes too long is stopped, except in maintenance', async () => {
  await using database = await open({ statementTimeoutMs: 100 })
  const sleep = sql`select pg_sleep(0.3)`
  await expect(sleep.execute(database.db)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await expect(sleep.execute(database.background)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await sleep.execute(database.maintenance)
  expect(await one(database.db)).toBe(1)
})

test('waiting for a free connection ends', async () => {
  await using database = await open({ poolSize: 1, connectTimeoutMs: 200 })
  const busy = sql`select pg_sleep(0.6)`.execute(database.db)
  await expect(one(database.db)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  expect(await one(database.background)).toBe(1)
  await database.ping(1_000)
  await busy
})

test('connections that the server ends, idle or in a transaction, break nothing but their statement', async () => {
  const broken: string[] = []
  const log = (_: string, message: string) => void broken.push(message)
  await using database = await openDatabase({ ...given, applicationName: 'doomed' }, { clock: systemClock, log })
  const endAll = sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed'`
  await one(database.db)
  await endAll.execute(admin.db)
  // That of maintenance and that of requests.
  await expect.poll(() => broken.length).toBe(2)
  expect(await one(database.db)).toBe(1)

  const between = database.db.transaction().execute(async (transaction) => {
    await sql`select 1`.execute(transaction)
    await endAll.execute(admin.db)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await sql`select 2`.execute(transaction)
  })
  await expect(between).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  const during = Promise.allSettled([sql`select pg_sleep(5)`.execute(database.db)])
  await new Promise((resolve) => setTimeout(resolve, 100))
  await endAll.execute(admin.db)
  expect(await during).toMatchObject([{ status: 'rejected', reason: { code: 'DATABASE_UNAVAILABLE' } }])
  expect(await one(database.db)).toBe(1)
})

test('a connection that became read-only is replaced', async () => {
  await using database = await open({ poolSize: 1 })
  await sql`set default_transaction_read_only = on`.execute(database.db)
  await expect(sql`create table agentos_written (a int)`.execute(database.db)).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
  })
  await sql`create table agentos_written (a int)`.execute(database.db)
})

test('hot statements keep their plans, and go on without when the connection has lost or outlived them', async () => {
  await using database = await open({ poolSize: 1 })
  const { db } = database
  await sql`create table agentos_hot (a int)`.execute(db)
  await sql`insert into agentos_hot values (${1})`.execute(db)
  const read = async () => (await sql`${HOT} select * from agentos_hot where a = ${1}`.execute(db)).rows
  const kept = async () =>
    (await sql<{ name: string }>`select name from pg_prepared_statements where name like 'hot_%'`.execute(db)).rows
      .length
  expect(await read()).toEqual([{ a: 1 }])
  expect(await read()).toEqual([{ a: 1 }])
  expect(await kept()).toBe(1)

  await sql`alter table agentos_hot add column b int`.execute(db)
  expect(await read()).toEqual([{ a: 1, b: null }])
  expect(await read()).toEqual([{ a: 1, b: null }])
  expect(await kept()).toBe(1)

  await sql`deallocate all`.execute(db)
  expect(await read()).toEqual([{ a: 1, b: null }])
  expect(await read()).toEqual([{ a: 1, b: null }])
  expect(await kept()).toBe(0)
})

test('a rotated password is read when the next connection is made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'agentos-password-'))
  const passwordFile = join(folder, 'password')
  await using role = await createRole('first')
  await writeFile(passwordFile, 'first\n')
  const url = withUrl((url) => Object.assign(url, { username: role.name, password: 'of the URL' }))
  await using database = await open({ url, passwordFile, applicationName: 'rotating' })
  expect(await one(database.db)).toBe(1)

  await sql`alter role ${sql.id(role.name)} password 'second'`.execute(admin.db)
  await writeFile(passwordFile, 'second\n')
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rotating'`.execute(
    admin.db,
  )
  await expect.poll(() => one(database.db).catch(() => 0)).toBe(1)
  await rm(folder, { recursive: true })
})

test('a password file that cannot be read is named', async () => {
  await expect(open({ passwordFile: '/nowhere/password' })).rejects.toMatchObject({
    code: 'DATABASE_AUTH',
    message: 'Cannot read the password file /nowhere/password: ENOENT',
  })
})

test('a network that fell silent fails what was asked over it, and the next one asks over a new connection', async () => {
  await using way = await connectThrough(new URL(given.url))
  await using database = await open({ url: way.url, statementTimeoutMs: 500, connectTimeoutMs: 1_000 })
  await sql`select 1`.execute(database.db)
  way.fallSilent()
  const startedAt = performance.now()
  const asked = Promise.allSettled([one(database.db)])
  await expect(database.ping(200)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await database.ping(1_000)
  expect(await asked).toMatchObject([{ status: 'rejected', reason: { code: 'DATABASE_UNAVAILABLE' } }])
  expect(performance.now() - startedAt).toBeLessThan(8_000)
  expect(await one(database.maintenance)).toBe(1)
})

test('a ping gives up on a database that does not answer in time', async () => {
  await using database = await open()
  const blocked = database.maintenance.connection().execute((db) => sql`select pg_sleep(0.5)`.execute(db))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await expect(database.ping(100)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await blocked
  await database.ping(1_000)
})

test('a pooler that gives statements names of its own lets them be kept; one that passes ours on does not', async () => {
  const read = async (db: TestDatabase['db']) => {
    await sql`${HOT} select ${1}::int as a`.execute(db)
    const { rows } = await sql<{ name: string }>`select name from pg_prepared_statements order by name`.execute(db)
    return rows.map(({ name }) => name.replace(/[0-9a-f]{40}$/, ''))
  }
  const rename = (said: Buffer) =>
    Buffer.from(
      said.toString('latin1').replaceAll('agentos_probe', 'PGBOUNCER_001').replaceAll('hot_', 'PGB_'),
      'latin1',
    )
  await using renaming = await connectThrough(new URL(given.url), rename)
  await using passing = await connectThrough(new URL(given.url))
  await using keeping = await open({ url: renaming.url, directUrl: given.url })
  await using plain = await open({ url: passing.url, directUrl: given.url })
  expect(await read(keeping.db)).toEqual(['PGB_'])
  expect(await read(plain.db)).toEqual([])
})

test('a ping and requests need the pooler, maintenance does not', async () => {
  await using pooler = await connectThrough(new URL(given.url))
  await using database = await open({ url: pooler.url, directUrl: given.url, statementTimeoutMs: 500 })
  await database.ping(1_000)
  pooler.fallSilent()
  await expect(database.ping(200)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  expect(await one(database.maintenance)).toBe(1)
})

test('of two addresses the one that does not answer is named', async () => {
  const gone = withUrl((url) => (url.port = '1'))
  await expect(open({ directUrl: gone })).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.stringContaining('127.0.0.1:1/'),
  })
  await expect(open({ url: gone, directUrl: given.url })).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
})
