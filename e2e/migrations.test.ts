/**
 * Servers that may not change the schema: they wait until somebody has, and start by themselves.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { freePort } from '../tools/local-server.ts'
import { agentSource, createFolder } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, HAS_POSTGRES, runSql } from './database.ts'
import { copyPreparedData } from './prepared-data.ts'
import { runAgentOS, startServer } from './server-process.ts'

const AGENTS = { 'worker.ts': agentSource('worker') }
const VERIFY = { AGENTOS_MIGRATIONS: 'verify' }

test.skipIf(!HAS_POSTGRES)('a server that verifies waits, not ready, and serves once the schema is made', async () => {
  await using folder = await createFolder(AGENTS)
  await using database = await createDatabase('postgres')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const starting = startServer({ dir: folder.path, env: { ...database.env, ...VERIFY, AGENTOS_PORT: String(port) } })
  starting.catch(() => undefined)
  const get = (path: string) => fetch(`${url}${path}`, { headers: { connection: 'close' } })
  const ready = await until('the server to answer', () => get('/health/ready').catch(() => false as const), 50_000)
  expect(ready.status).toBe(503)
  const reasons = {
    schema: expect.stringMatching(/has not been made yet .* needs migration \d+\. Run `agentos migrate`/),
  }
  expect(await ready.json()).toMatchObject({ ready: false, reasons })
  expect((await get('/health')).status).toBe(200)
  expect((await get('/health/startup')).status).toBe(503)
  const refused = await get('/agents')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('5')
  expect(await refused.json()).toMatchObject({ error_id: 'SCHEMA_OLDER' })
  const made = await runSql(database.url, `select from pg_class where relname like 'agentos%'`)
  expect(made).toHaveLength(0)

  expect(await runAgentOS(['migrate'], { ...database.env, ...VERIFY })).toMatchObject({ exitCode: 0 })
  await using server = await starting
  expect(server.url).toBe(url)
  expect(server.log.filter(({ message }) => message === 'waiting for the schema')).not.toHaveLength(0)
  const client = createClient({ baseUrl: url })
  expect(await client.ready()).toMatchObject({ ready: true })
  expect(await client.run('worker', { message: 'Hello' })).toMatchObject({ status: 'COMPLETED' })
})

test.skipIf(!HAS_POSTGRES)('servers that verify do not wait for a schema that is newer and additive', async () => {
  await using folder = await createFolder(AGENTS)
  await using database = await createDatabase('postgres')
  expect(await runAgentOS(['migrate'], database.env)).toMatchObject({ exitCode: 0 })
  await runSql(
    database.url,
    `insert into agentos_migrations (version, name, checksum, additive) values (999, '0999_later.sql', 'x', true)`,
  )
  await using server = await startServer({ dir: folder.path, env: { ...database.env, ...VERIFY } })
  expect(await createClient({ baseUrl: server.url }).ready()).toMatchObject({ ready: true })
  // As after a rollback, whose Job is that of the older release.
  expect(await runAgentOS(['migrate'], database.env)).toMatchObject({ exitCode: 0 })
})

test('a server that verifies ends on an embedded database that lacks something, which nobody else can open', async () => {
  await using folder = await createFolder(AGENTS)
  await using fresh = await createFolder()
  const { exitCode, output } = await runAgentOS(['serve', folder.path], { ...VERIFY, AGENTOS_DATA_DIR: fresh.path })
  expect(output).toMatch(/has not been made yet .*\n.*Run `agentos migrate`/)
  expect(exitCode).toBe(1)
  await using data = await copyPreparedData()
  await using server = await startServer({ dir: folder.path, dataDir: data.path, env: VERIFY })
  expect(await createClient({ baseUrl: server.url }).ready()).toMatchObject({ ready: true })
})
