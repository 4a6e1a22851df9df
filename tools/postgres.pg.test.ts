import { execFile } from 'node:child_process'
import { createConnection } from 'node:net'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { installPostgres, POSTGRES_MAJORS } from './postgres-install.ts'
import { startPostgres } from './postgres.ts'

const run = promisify(execFile)

test.each(POSTGRES_MAJORS)('starts PostgreSQL %i with pgvector, and leaves nothing listening', async (major) => {
  const bin = await installPostgres(major)
  const url = await (async () => {
    await using server = await startPostgres(major)
    const sql = `create extension vector; select current_setting('server_version_num'), '[1,2]'::vector <-> '[1,3]'`
    const { stdout } = await run(`${bin}/bin/psql`, ['--no-psqlrc', '--quiet', '-At', '-c', sql, server.url])
    expect(stdout).toMatch(new RegExp(`^${major}\\d{4}\\|1\\n$`))
    return new URL(server.url)
  })()
  const socket = createConnection(Number(url.port), '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
})
