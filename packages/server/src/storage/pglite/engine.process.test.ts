import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Worker } from 'node:worker_threads'
import { Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openDatabase } from '../database.ts'
import { migrate } from '../migrate.ts'
import { createDirectory, openTestDatabase } from '../testing/database.ts'
import type { Tables } from '../tables.ts'
import { startPglite } from './client.ts'
import { createPgliteDialect } from './dialect.ts'

// WebAssembly on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

let place: Awaited<ReturnType<typeof createDirectory>>
beforeEach(async () => {
  place = await createDirectory()
})
afterEach(() => place.remove())

const open = (log?: (level: string, message: string) => void) =>
  openDatabase(place.options, { clock: systemClock, ...(log ? { log } : {}) })

describe('the directory', () => {
  test('is one server’s; the second is told which process has it', async () => {
    await using first = await open()
    await expect(open()).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      message: `The data directory ${place.options.directory} is in use by process ${process.pid}.`,
    })
    await first.ping(5_000)
  })

  test('keeps what was stored, and is free again after closing', async () => {
    {
      await using database = await open()
      await migrate(database)
      await sql`insert into agentos_signals (name, version) values ('kept', 7)`.execute(database.db)
      await database.close()
      await database.close()
    }
    await using database = await open()
    const kept = await database.db.selectFrom('agentos_signals').selectAll().where('name', '=', 'kept').execute()
    expect(kept).toEqual([{ name: 'kept', version: 7 }])
  })

  test('is made anew when its first start was interrupted', async () => {
    const { directory } = place.options
    await rm(join(directory, 'postgres'), { recursive: true })
    await mkdir(join(directory, 'postgres-is-being-made'))
    await mkdir(join(directory, 'postgres'))
    await writeFile(join(directory, 'postgres', 'PG_VERSION'), '18\n')
    await using database = await open()
    await migrate(database)
    expect((await readdir(directory)).filter((name) => !name.startsWith('lock-'))).toEqual(['postgres'])
  })

  test('of another PostgreSQL version is refused, with its lock released', async () => {
    const { directory } = place.options
    await writeFile(join(directory, 'postgres', 'PG_VERSION'), '17\n')
    const what = `The embedded database in ${join(directory, 'postgres')} cannot be opened: `
    await expect(open()).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`^${what}.*FATAL:.*incompatible`)),
    })
    expect(await readdir(directory)).toEqual(['postgres'])
  })

  test('that cannot be a directory is named', async () => {
    const directory = join(place.options.directory, 'postgres', 'PG_VERSION')
    await expect(openDatabase({ kind: 'embedded', directory }, { clock: systemClock })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining(`The data directory ${directory} cannot be used: EEXIST`),
    })
  })
})

test('has pgvector', async () => {
  await using database = await open()
  await sql`create extension vector`.execute(database.db)
  const { rows } = await sql`select '[1,2]'::vector <-> '[1,4]'::vector as distance`.execute(database.db)
  expect(rows).toEqual([{ distance: 2 }])
})

test('a query that waits for a transaction of its own caller is not lost when that one ends', async () => {
  await using database = await openTestDatabase()
  const order: string[] = []
  let waiting: Promise<unknown> | undefined
  await database.db.transaction().execute(async (transaction) => {
    waiting = sql`select 1`.execute(database.db).then(() => order.push('outside'))
    for (let i = 0; i < 3; i++) await sql`select 1`.execute(transaction)
    order.push('inside')
  })
  await waiting
  expect(order).toEqual(['inside', 'outside'])
})

test('closing waits for a transaction that is open, and for what waits for it', async () => {
  await using database = await openTestDatabase()
  const { db } = database
  let closed: Promise<void> | undefined
  let waiting: Promise<unknown> | undefined
  await db.transaction().execute(async (transaction) => {
    waiting = sql`insert into agentos_signals (name) values ('waited')`.execute(db)
    await sql`insert into agentos_signals (name) values ('inside')`.execute(transaction)
    closed = database.close()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await sql`insert into agentos_signals (name) values ('after')`.execute(transaction)
  })
  await expect(waiting).resolves.toMatchObject({ numAffectedRows: 1n })
  await expect(closed).resolves.toBeUndefined()
})

test('the death of its thread fails what runs, what waits and what comes later, and is told', async () => {
  const deaths: string[] = []
  const started = once(process, 'worker') as Promise<[Worker]> // Node tells of every thread that starts
  const client = await startPglite(join(place.options.directory, 'postgres'), (reason) => deaths.push(reason))
  const transaction = await client.begin('begin')
  const outcomes = Promise.allSettled([
    transaction.query('select pg_sleep(5)', []),
    client.query('select 1', []),
    client.begin('begin'),
  ])
  await new Promise((resolve) => setTimeout(resolve, 100))
  const [thread] = await started
  await thread.terminate()
  const stopped = expect.objectContaining({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringContaining('has stopped'),
  })
  expect(await outcomes).toEqual(Array.from({ length: 3 }, () => ({ status: 'rejected', reason: stopped })))
  await expect(client.query('select 1', [])).rejects.toEqual(stopped)
  expect(deaths).toHaveLength(1)
  const db = new Kysely<Tables>({ dialect: createPgliteDialect(client) })
  await expect(db.transaction().execute(async () => {})).rejects.toEqual(stopped)
  await client.close()
  await expect(client.query('select 1', [])).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
})

test('what was acknowledged is there after kill -9, and the lock of the killed process holds nobody up', async () => {
  const { directory } = place.options
  const modules = JSON.stringify({
    database: new URL('../database.ts', import.meta.url).href,
    migrate: new URL('../migrate.ts', import.meta.url).href,
    clock: new URL('../../base/clock.ts', import.meta.url).href,
  })
  const script = `
    const modules = ${modules}
    const { openDatabase } = await import(modules.database)
    const { migrate } = await import(modules.migrate)
    const { systemClock } = await import(modules.clock)
    const database = await openDatabase({ kind: 'embedded', directory: process.argv[1] }, { clock: systemClock })
    await migrate(database)
    let next = 0
    const write = async () => {
      for (;;) {
        const name = process.pid + '-' + next++
        await database.db.insertInto('agentos_signals').values({ name }).execute()
        console.log(name)
      }
    }
    await Promise.all([write(), write(), write(), write()])`
  const acknowledged: string[] = []
  for (let round = 0; round < 2; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let here = 0
    for await (const line of createInterface(child.stdout)) {
      acknowledged.push(line)
      if (++here === 150) child.kill('SIGKILL')
    }
  }
  await using database = await open()
  const stored = await database.db.selectFrom('agentos_signals').select('name').execute()
  const names = new Set(stored.map(({ name }) => name))
  expect(acknowledged.length).toBeGreaterThanOrEqual(300)
  expect(acknowledged.filter((name) => !names.has(name))).toEqual([])
})
