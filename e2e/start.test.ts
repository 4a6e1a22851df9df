/**
 * Starts that cannot succeed: the process says what is wrong in words, without secrets, and ends with an exit code.
 * @module
 */
import { createServer } from 'node:net'
import { once } from 'node:events'
import { rename } from 'node:fs/promises'
import { createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, HAS_POSTGRES, runSql } from './database.ts'
import { copyPreparedData } from './prepared-data.ts'
import { runAgentOS, startServer } from './server-process.ts'

const WRONG_USAGE = 2
const AGENTS = { 'worker.ts': agentSource('worker') }

test.each([
  ['an unknown setting', { AGENTOS_PROT: '80' }, /AGENTOS_PROT: unknown setting; did you mean AGENTOS_PORT\?/],
  ['a setting of the wrong shape', { AGENTOS_MAX_RUNS: 'many' }, /AGENTOS_MAX_RUNS: .*"many"/],
  ['a network address without a key', { AGENTOS_HOST: '0.0.0.0' }, /AGENTOS_HOST: .*OS_SECURITY_KEY/],
  ['a URL of another database', { POSTGRES_URL: 'mysql://ada:s3cretpass@h/x' }, /POSTGRES_URL: must start with/],
])('refuses %s', async (_what, env, message) => {
  await using folder = await createFolder(AGENTS)
  const { exitCode, output } = await runAgentOS(['serve', folder.path], env)
  expect(output).toMatch(message)
  expect(output).not.toMatch(/s3cretpass|\n {4}at /)
  expect(exitCode).toBe(WRONG_USAGE)
})

test('serves 0.0.0.0 with a key', async () => {
  await using folder = await createFolder(AGENTS)
  await using data = await copyPreparedData()
  const env = { AGENTOS_HOST: '0.0.0.0', OS_SECURITY_KEY: 'a-long-enough-key' }
  await using server = await startServer({ dir: folder.path, dataDir: data.path, env })
  const local = server.url.replace('0.0.0.0', '127.0.0.1')
  expect(await createClient({ baseUrl: local }).health()).toMatchObject({ status: 'ok' })
})

test('tries an unreachable database again until its time is up, then says so without the password', async () => {
  await using folder = await createFolder(AGENTS)
  await using data = await copyPreparedData()
  const attempts = await countConnections(async (port) => {
    const { exitCode, output } = await runAgentOS(['serve', folder.path], {
      AGENTOS_DATA_DIR: data.path,
      POSTGRES_URL: `postgresql://ada:s3cretpass@127.0.0.1:${port}/x`,
      AGENTOS_DB_START_TIMEOUT_MS: '2500',
    })
    expect(output).toMatch(/database/i)
    expect(output).toContain('Check POSTGRES_URL')
    expect(output).not.toMatch(/s3cretpass|\n {4}at /)
    expect(exitCode).toBe(1)
  })
  expect(attempts).toBeGreaterThan(2)
})

test.skipIf(!HAS_POSTGRES)('says that the password is wrong, and not which one it was', async () => {
  await using folder = await createFolder(AGENTS)
  await using database = await createDatabase('postgres')
  const url = new URL(database.url)
  url.password = 's3cretpass'
  const { exitCode, output } = await runAgentOS(['serve', folder.path], {
    POSTGRES_URL: url.href,
    AGENTOS_DATA_DIR: folder.path,
    AGENTOS_DB_START_TIMEOUT_MS: '1000',
  })
  expect(output).toMatch(/password/)
  expect(output).toContain('Check the user and the password of POSTGRES_URL')
  expect(output).not.toMatch(/s3cretpass|\n {4}at /)
  expect(exitCode).toBe(1)
})

test.skipIf(!HAS_POSTGRES)('refuses a schema that is newer than the server', async () => {
  await using folder = await createFolder(AGENTS)
  await using database = await createDatabase('postgres')
  const env = { ...database.env, AGENTOS_DATA_DIR: folder.path, AGENTOS_DB_START_TIMEOUT_MS: '1000' }
  expect(await runAgentOS(['migrate'], env)).toMatchObject({ exitCode: 0 })
  await runSql(
    database.url,
    `insert into agentos_migrations (version, name, checksum) values (999, '0999_later.sql', 'x')`,
  )
  const { exitCode, output } = await runAgentOS(['serve', folder.path], env)
  expect(output).toContain('999')
  expect(output).toContain('Start a release of the server that knows this schema')
  expect(exitCode).toBe(1)
})

test('refuses a data directory that another server uses, which goes on', async () => {
  await using folder = await createFolder(AGENTS)
  await using data = await copyPreparedData()
  await using server = await startServer({ dir: folder.path, dataDir: data.path })
  const { exitCode, output } = await runAgentOS(['serve', folder.path], { AGENTOS_DATA_DIR: data.path })
  expect(output).toContain(String(server.pid))
  expect(output).toContain('Stop the other server, or set AGENTOS_DATA_DIR or POSTGRES_URL')
  expect(exitCode).toBe(1)
  expect(await createClient({ baseUrl: server.url }).run('worker', { message: 'Hello' })).toMatchObject({
    status: 'COMPLETED',
  })
})

test('refuses a folder that is typed and does not exist', async () => {
  const { exitCode, output } = await runAgentOS(['serve', '/no/such/folder'])
  expect(output).toContain('/no/such/folder')
  expect(exitCode).toBe(1)
})

test.each([
  ['missing', undefined],
  ['empty', {}],
])('waits, not ready, for a configured folder that is %s', async (_what, files) => {
  await using parent = await createFolder()
  const dir = `${parent.path}/agents`
  if (files !== undefined) await parent.write({ 'agents/README.md': 'later' })
  await using data = await copyPreparedData()
  const env = { AGENTOS_RELOAD_DEBOUNCE_MS: '0', AGENTOS_RELOAD_POLL_MS: '100', AGENTOS_AGENTS_DIR: dir }
  await using server = await startServer({ dataDir: data.path, env })
  const client = createClient({ baseUrl: server.url })
  expect(await client.health()).toMatchObject({ status: 'ok' })
  expect(await client.ready()).toMatchObject({ ready: false, reasons: { agents: expect.stringContaining(dir) } })
  await expect(client.run('worker', { message: 'Hello' })).rejects.toMatchObject({
    status: 503,
    errorId: 'NO_REVISION',
  })
  await parent.write({ 'staging/worker.ts': AGENTS['worker.ts'] })
  await parent.remove('agents')
  await rename(`${parent.path}/staging`, dir)
  await until('the folder to be served', async () => {
    const { ready } = await client.ready()
    return ready
  })
  expect(await client.run('worker', { message: 'Hello' })).toMatchObject({ status: 'COMPLETED' })
})

/** A port that accepts connections and closes them. @returns how many there were */
async function countConnections(during: (port: number) => Promise<void>): Promise<number> {
  let connections = 0
  await using server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP server')
  await during(address.port)
  return connections
}
