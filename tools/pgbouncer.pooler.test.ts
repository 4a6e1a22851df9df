import { execFile } from 'node:child_process'
import { createConnection } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { startPgbouncer } from './pgbouncer.ts'
import { installPostgres } from './postgres-install.ts'

const run = promisify(execFile)

test('starts PgBouncer in front of a server, ignoring no setting, and leaves nothing listening', async () => {
  const psql = join(await installPostgres(18), 'bin/psql')
  const url = await (async () => {
    await using server = await startPgbouncer(inject('postgresRawUrl'))
    const ask = (env: NodeJS.ProcessEnv) => run(psql, ['--no-psqlrc', '-At', '-c', 'select 1', server.url], { env })
    expect((await ask({})).stdout).toBe('1\n')
    await expect(ask({ PGOPTIONS: '-c work_mem=1MB' })).rejects.toThrow(/unsupported startup parameter/)
    return new URL(server.url)
  })()
  const socket = createConnection(Number(url.port), '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
})
