import { execFile } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, test, vi } from 'vitest'
import { openCorner, query, userUrl, type Variables } from '../storage/testing/set-up.ts'

// Processes that load the whole server, on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const MAIN = join(import.meta.dirname, 'main.ts')

function agentos(folder: string, args: readonly string[], env: Variables) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd: folder, env }, (error, stdout, stderr) => {
      // Of a process that ended by itself it is a number.
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

test('prepares a database that the server can migrate, says what it did, and needs no setting of the server', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-db-init-'))
  await using corner = openCorner(inject('postgresRawUrl'))
  const given = {
    INITDB_DATABASE: corner.name('database', 'prepared'),
    INITDB_USER: corner.name('role', 'prepared'),
    INITDB_PASSWORD: 'p@ss/w?rd %#',
  }
  const prepared = await agentos(folder.path, ['db-init'], { ...corner.superuser, ...given, AGENTOS_HOST: '0.0.0.0' })
  expect(prepared).toMatchObject({ code: 0, stderr: '' })
  const { INITDB_USER: user, INITDB_DATABASE: database } = given
  expect(prepared.stdout.split('\n')).toEqual([
    `user "${user}": made`,
    `database "${database}": made`,
    'schema "public": was there, owned by "pg_database_owner"',
    'schema "ai": made',
    expect.stringMatching(/^extension "vector": made, version \d/),
    `"${user}" can log in`,
    'The database is ready.',
    '',
  ])
  const { PGHOST = '', PGPORT = '' } = corner.superuser
  const parts = {
    DB_HOST: PGHOST,
    DB_PORT: PGPORT,
    DB_USER: user,
    DB_PASS: given.INITDB_PASSWORD,
    DB_DATABASE: database,
  }
  expect(await agentos(folder.path, ['migrate'], parts)).toMatchObject({ code: 0 })
  expect(await query(userUrl(corner.superuser, given), 'select count(*) > 0 as some from agentos_migrations')).toEqual([
    { some: true },
  ])
})

test('says what to do when it fails, without a password or a stack', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-db-init-'))
  await using corner = openCorner(inject('postgresRawUrl'))
  const given = { INITDB_DATABASE: 'x', INITDB_USER: 'x', INITDB_PASSWORD: 'of-the-user' }
  const [refused, unsaid] = await Promise.all([
    agentos(folder.path, ['db-init'], { ...corner.superuser, ...given, PGPASSWORD: 'wr0ng-secret' }),
    agentos(folder.path, ['db-init'], { ...corner.superuser, ...given, INITDB_USER: '', INITDB_DATABSE: 'x' }),
  ])
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(
    /^PostgreSQL refused the admin at .*\nCheck PGUSER and PGPASSWORD, or INITDB_ADMIN_URL\.\n$/,
  )
  expect(unsaid).toMatchObject({ code: 2, stdout: '' })
  expect(unsaid.stderr).toMatch(
    /INITDB_DATABSE: unknown setting; did you mean INITDB_DATABASE\?\nINITDB_USER: required/,
  )
  expect(JSON.stringify([refused, unsaid])).not.toMatch(/wr0ng-secret|of-the-user/)
})
