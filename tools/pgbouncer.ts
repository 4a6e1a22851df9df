/**
 * A PgBouncer for tests, in transaction mode in front of a PostgreSQL: on a free port of the loopback interface, gone when
 * it is disposed of. It has fewer connections than a test may ask for, and ignores no start-up parameter, so that what
 * only works on a connection of one's own fails.
 *
 *   node tools/pgbouncer.ts            start a PostgreSQL and a PgBouncer, print both URLs, stop them on Ctrl-C
 *
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startLocalServer, waitForEnd } from './local-server.ts'
import { installPgbouncer } from './pgbouncer-install.ts'
import { startPostgres } from './postgres.ts'

const POOL_SIZE = 8

export type RunningPgbouncer = AsyncDisposable & {
  /** As the URL of PostgreSQL, through PgBouncer; any database of that server can be named in it. */
  readonly url: string
}

/**
 * Installs PgBouncer when that has not happened yet, and starts one.
 * @param postgresUrl with user and password; nobody else gets in through the pooler
 * @throws {Error} when it cannot be installed or does not start; the message carries its last lines
 */
export async function startPgbouncer(postgresUrl: string): Promise<RunningPgbouncer> {
  const { command, libraryPath } = await installPgbouncer()
  const url = new URL(postgresUrl)
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  const server = await startLocalServer({
    name: 'PgBouncer',
    prefix: 'agentos-pgbouncer-',
    env: libraryPath === '' ? {} : { LD_LIBRARY_PATH: libraryPath },
    prepare: ({ cwd }) => writeFile(join(cwd, 'users.txt'), `${quote(user)} ${quote(password)}\n`),
    command: async (port, folder) => {
      const settings = join(folder, 'pgbouncer.ini')
      await writeFile(settings, describeSettings(url, port, folder))
      return [command, settings]
    },
    ready: 'process up',
    stopSignal: 'SIGKILL',
  })
  url.host = `127.0.0.1:${server.port}`
  return { url: url.href, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

function describeSettings({ hostname, port }: URL, listenPort: number, folder: string): string {
  return `[databases]
* = host=${hostname} port=${port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, 'users.txt')}
pool_mode = transaction
default_pool_size = ${POOL_SIZE}
max_client_conn = 1000
`
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

if (import.meta.main) {
  // From here on: a server that is still starting must end too.
  const end = waitForEnd()
  await using postgres = await startPostgres()
  await using pgbouncer = await startPgbouncer(postgres.url)
  console.log(`TEST_POSTGRES_URL=${pgbouncer.url}`)
  console.log(`TEST_POSTGRES_RAW_URL=${postgres.url}`)
  await end
}
