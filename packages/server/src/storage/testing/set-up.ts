/**
 * The chart's way to set up a database, and a corner of a PostgreSQL to do that in, for the tests that hold it and
 * `agentos db-init` to the same.
 * @module
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

const SCRIPT = fileURLToPath(new URL('../../../../../charts/agentos/files/init-db.sh', import.meta.url))

/** As in the image and in the chart: a user that the machine knows only by its number. */
const NAMELESS = 61_000

export type Variables = Readonly<Record<string, string>>

export type Outcome = {
  readonly code: number | null
  /** All that was printed. */
  readonly said: string
  /** The arguments of every program that was started. */
  readonly calls: string
}

export type Way = { readonly name: string; readonly run: (variables: Variables) => Promise<Outcome> }

/** The chart's script, on the psql in `psqlFolder`. */
export function script(psqlFolder: string): Way {
  return {
    name: 'init-db.sh',
    run: async (variables) => {
      const folder = await mkdtemp(join(tmpdir(), 'agentos-init-db-'))
      try {
        await chmod(folder, 0o777)
        await copyFile(SCRIPT, join(folder, 'init-db.sh'))
        for (const program of ['psql', 'pg_isready']) {
          const lines = ['#!/bin/sh', `printf '%s\\n' "$@" >> ${folder}/calls`, `exec ${psqlFolder}/${program} "$@"`]
          await writeFile(join(folder, program), lines.join('\n'), { mode: 0o755 })
        }
        await writeFile(join(folder, 'calls'), '', { mode: 0o666 })
        await chmod(join(folder, 'calls'), 0o666)
        const outcome = await start(join(folder, 'init-db.sh'), { ...variables, PATH: `${folder}:/usr/bin:/bin` })
        return { ...outcome, calls: await readFile(join(folder, 'calls'), 'utf8') }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

async function start(file: string, env: Variables): Promise<Omit<Outcome, 'calls'>> {
  const asNameless = process.getuid?.() === 0 ? { uid: NAMELESS, gid: NAMELESS } : {}
  const child = spawn('/bin/sh', [file], { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...asNameless })
  const [said, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, said: said + errors }
}

export type Corner = AsyncDisposable & {
  /** A name of `kind` that nobody else has; what it names is gone with the corner. */
  readonly name: (kind: 'database' | 'role', text?: string) => string
  readonly asSuperuser: <Row>(sql: string, database?: string) => Promise<Row[]>
  /** Variables for a superuser. */
  readonly superuser: Variables
  /** An admin as managed PostgreSQL has it: may create databases and roles, and is no superuser. */
  readonly createAdmin: () => Promise<Variables>
}

/** @param url of a superuser */
export function openCorner(url: string): Corner {
  const made: { kind: 'database' | 'role'; name: string }[] = []
  const name: Corner['name'] = (kind, text = 'x') => {
    const unique = `${text}_${randomBytes(4).toString('hex')}`
    made.push({ kind, name: unique })
    return unique
  }
  const asSuperuser: Corner['asSuperuser'] = async (sql, database) => {
    const address = new URL(url)
    if (database !== undefined) address.pathname = `/${encodeURIComponent(database)}`
    return query(address.href, sql)
  }
  const { hostname, port, username, password } = new URL(url)
  const superuser = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password) }
  return {
    name,
    asSuperuser,
    superuser,
    createAdmin: async () => {
      const admin = name('role', 'Admin')
      await asSuperuser(`create role "${admin}" login createrole createdb password 'of-the-admin'`)
      return { ...superuser, PGUSER: admin, PGPASSWORD: 'of-the-admin' }
    },
    [Symbol.asyncDispose]: async () => {
      const named = (kind: string) =>
        made.filter((one) => one.kind === kind).map((one) => pg.escapeIdentifier(one.name))
      for (const database of named('database')) await asSuperuser(`drop database if exists ${database} with (force)`)
      // Grants on roles that these made go with them.
      for (const role of named('role')) await asSuperuser(`drop role if exists ${role}`)
    },
  }
}

/** One statement on a connection of its own. */
export async function query<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows as Row[] // the caller knows its columns
  } finally {
    await client.end()
  }
}

/** Logs in as the server would. */
export function userUrl({ PGHOST, PGPORT }: Variables, given: Variables): string {
  const [user, password, database] = [given['INITDB_USER'], given['INITDB_PASSWORD'], given['INITDB_DATABASE']].map(
    (value) => encodeURIComponent(value ?? ''),
  )
  return `postgresql://${user}:${password}@${PGHOST}:${PGPORT}/${database}`
}
