import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, inject, test, vi } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { AgentOSError } from '../../base/errors.ts'
import { createIds } from '../../base/ids.ts'
import { loadSetUp } from '../../config/set-up.ts'
import { openCorner, query, script, userUrl, type Corner, type Variables, type Way } from '../testing/set-up.ts'
import { setUp } from './set-up.ts'

// Twenty processes and more, on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const command: Way = {
  name: 'agentos db-init',
  run: async (variables) => {
    const said: string[] = []
    const report = (line: string) => void said.push(line)
    try {
      await setUp({ ...loadSetUp(variables), report }, { clock: systemClock, ids: createIds(systemClock), randomBytes })
      return { code: 0, said: said.join('\n'), calls: '' }
    } catch (error) {
      if (!(error instanceof AgentOSError)) throw error
      said.push(error.message, error.next)
      return { code: error.code === 'CONFIG_INVALID' ? 2 : 1, said: said.join('\n'), calls: '' }
    }
  },
}

const psqlFolder = inject('psqlFolder')
const ways: readonly Way[] = psqlFolder === '' ? [command] : [command, script(psqlFolder)]

const HOSTILE = `it's "50 %" $HOME \`id\` \\n; alter role x superuser; -- 密🔑 \u00e4`

function wanted(corner: Corner, given: Variables = {}): Variables & { INITDB_USER: string; INITDB_DATABASE: string } {
  return {
    INITDB_DATABASE: corner.name('database', `my-"Db"'s %I`),
    INITDB_USER: corner.name('role', `My-"App"'s %s`),
    INITDB_PASSWORD: HOSTILE,
    INITDB_WAIT_SECONDS: '60',
    ...given,
  }
}

/** A way to the server that listens to what is said, from `delayMs` on. */
async function listenIn({ PGHOST, PGPORT }: Variables, delayMs = 0) {
  const heard: Buffer[] = []
  const sockets: Socket[] = []
  const proxy = createServer((client) => {
    const server = connect(Number(PGPORT), PGHOST)
    sockets.push(client, server)
    for (const socket of [client, server]) socket.on('error', () => {})
    client.on('data', (said: Buffer) => heard.push(said))
    client.pipe(server)
    server.pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo // an inet socket always has one
  if (delayMs > 0) {
    proxy.close()
    await once(proxy, 'close')
    setTimeout(() => proxy.listen(port, '127.0.0.1'), delayMs)
  }
  return {
    to: { PGHOST: '127.0.0.1', PGPORT: String(port) },
    heard: () => Buffer.concat(heard).toString('latin1'),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

const latin = (value: string) => Buffer.from(value).toString('latin1')

describe.each(ways)('$name', ({ run }) => {
  test('sets up what is missing with an admin that is no superuser, again and again, whatever the names are', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const admin = await corner.createAdmin()
    const given = wanted(corner, { INITDB_EXTENSIONS: 'none' })
    expect(await run({ ...admin, ...given })).toMatchObject({ code: 0 })
    expect(await run({ ...admin, ...given })).toMatchObject({ code: 0 })
    const url = userUrl(admin, given)
    expect(
      await query(
        url,
        `select pg_get_userbyid(datdba) = current_user as owns, rolsuper or rolcreaterole or rolcreatedb as mighty,
           (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'ai') = current_user as ai
         from pg_database, pg_roles where datname = current_database() and rolname = current_user`,
      ),
    ).toEqual([{ owns: true, mighty: false, ai: true }])
    await query(url, 'create table in_public (id serial); create table ai.in_ai (id int)')
  })

  test('makes the extension vector usable, and brings an old one up to date', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const given = wanted(corner, { INITDB_SCHEMAS: 'public, ai,Other' })
    expect(await run({ ...corner.superuser, ...given })).toMatchObject({ code: 0 })
    const url = userUrl(corner.superuser, given)
    const version = `select extversion as version, '[1,2]'::vector <-> '[1,3]' as far from pg_extension where extname = 'vector'`
    const [found] = await query<{ version: string }>(url, version)
    expect(found).toMatchObject({ far: 1 })
    await query(url, `create table "Other".items (embedding vector(3))`)

    await corner.asSuperuser(
      `update pg_extension set extversion = '0.8.4' where extname = 'vector'`,
      given.INITDB_DATABASE,
    )
    expect(await run({ ...corner.superuser, ...given })).toMatchObject({ code: 0 })
    expect(await query(url, version)).toEqual([found])
  })

  test('says what to do when the extension cannot be made, and goes on once it is there', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const admin = await corner.createAdmin()
    const given = wanted(corner)
    const refused = await run({ ...admin, ...given })
    expect(refused).toMatchObject({
      code: 1,
      said: expect.stringMatching(/permission denied to create extension "vector"/),
    })
    expect(refused.said).toMatch(/make it once as its superuser.*prepare-a-database/)
    await corner.asSuperuser('create extension vector schema public', given.INITDB_DATABASE)
    expect(await run({ ...admin, ...given })).toMatchObject({ code: 0 })

    const unknown = await run({ ...corner.superuser, ...given, INITDB_EXTENSIONS: 'vector,no-such' })
    expect(unknown).toMatchObject({ code: 1, said: expect.stringMatching(/no-such.*\n.*INITDB_EXTENSIONS.*none/s) })
  })

  test('is not stopped by warnings of the server', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const admin = await corner.createAdmin()
    await corner.asSuperuser(`alter role "${admin['PGUSER']}" set default_tablespace to 'gone'`)
    expect(await run({ ...admin, ...wanted(corner, { INITDB_EXTENSIONS: 'none' }) })).toMatchObject({ code: 0 })
  })

  test('sets a new password, and the old one is worth nothing', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const admin = await corner.createAdmin()
    const given = wanted(corner, { INITDB_EXTENSIONS: 'none' })
    const rotated = { ...given, INITDB_PASSWORD: 'another one' }
    expect(await run({ ...admin, ...given })).toMatchObject({ code: 0 })
    expect(await run({ ...admin, ...rotated })).toMatchObject({ code: 0 })
    expect(await query(userUrl(admin, rotated), 'select 1 as one')).toEqual([{ one: 1 }])
    await expect(query(userUrl(admin, given), 'select 1')).rejects.toMatchObject({ code: '28P01' })
  })

  test('tells no password: not to the server, not to whoever lists processes, not to whoever reads the log', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const admin = await corner.createAdmin()
    await using spy = await listenIn(admin)
    const given = wanted(corner, { INITDB_EXTENSIONS: 'none' })
    const done = await run({ ...admin, ...spy.to, ...given })
    const refused = await run({ ...admin, ...spy.to, ...given, PGPASSWORD: 'wr0ng-word' })
    expect([done.code, refused.code]).toEqual([0, 1])
    expect(refused.said).toMatch(/password authentication failed.*\n.*Check PGUSER and PGPASSWORD/s)
    expect(spy.heard()).toContain('SCRAM-SHA-256$4096:')
    for (const text of [spy.heard(), done.said, done.calls, refused.said, refused.calls]) {
      for (const secret of [HOSTILE, admin['PGPASSWORD'] ?? '', 'wr0ng-word']) {
        expect(text).not.toContain(secret)
        expect(text).not.toContain(latin(secret))
      }
      expect(text).not.toContain('alter role x superuser')
    }
  })

  test('lets five of it run at once', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const admin = await corner.createAdmin()
    const given = wanted(corner, { INITDB_EXTENSIONS: 'none' })
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => run({ ...admin, ...given })))
    expect(outcomes.map(({ code, said }) => [code, said])).toEqual(
      Array.from({ length: 5 }, () => [0, expect.not.stringMatching(/rror/)]),
    )
  })

  test('keeps strangers out, and gives the user what the admin makes later', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const stranger = corner.name('role', 'stranger')
    await corner.asSuperuser(`create role "${stranger}" login password 'stranger'`)
    const given = wanted(corner)
    expect(await run({ ...corner.superuser, ...given })).toMatchObject({ code: 0 })
    const asStranger = userUrl(corner.superuser, { ...given, INITDB_USER: stranger, INITDB_PASSWORD: 'stranger' })
    await expect(query(asStranger, 'select 1')).rejects.toMatchObject({ code: '42501' })

    await corner.asSuperuser(
      `create table ai.restored (id bigserial, note text);
       create function ai.answer() returns int language sql return 42;
       revoke execute on function ai.answer() from public`,
      given.INITDB_DATABASE,
    )
    const url = userUrl(corner.superuser, given)
    await query(
      url,
      `insert into ai.restored (note) values ('x'); update ai.restored set note = 'y'; delete from ai.restored`,
    )
    expect(await query(url, 'select ai.answer()')).toEqual([{ answer: 42 }])
  })

  test('opens a database that is somebody else’s, and leaves it to them', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const given = wanted(corner, { INITDB_DATABASE: corner.name('database', 'shared'), INITDB_EXTENSIONS: 'none' })
    await corner.asSuperuser(`create database "${given.INITDB_DATABASE}"`)
    await corner.asSuperuser('create schema ai', given.INITDB_DATABASE)
    expect(await run({ ...corner.superuser, ...given })).toMatchObject({ code: 0 })
    await query(userUrl(corner.superuser, given), 'create table t (a int); create table ai.t (a int)')
    expect(
      await corner.asSuperuser(
        `select pg_get_userbyid(datdba) = current_user as mine, has_database_privilege('public', oid, 'CONNECT') as open
         from pg_database where datname = '${given.INITDB_DATABASE}'`,
      ),
    ).toEqual([{ mine: true, open: true }])
  })

  test('refuses what is missing or dangerous before it changes anything', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const given = wanted(corner)
    const refusals: readonly (readonly [Variables, RegExp])[] = [
      [{ INITDB_PASSWORD: '' }, /INITDB_PASSWORD: required/],
      [{ INITDB_PASSWORD: 'line\n' }, /INITDB_PASSWORD: has a line break/],
      [{ INITDB_PASSWORD: '$(DB_PASS)' }, /INITDB_PASSWORD: is a reference to a variable that is not set/],
      [{ INITDB_USER: '' }, /INITDB_USER: required/],
      [{ INITDB_USER: 'ä'.repeat(32) }, /INITDB_USER: must be 63 bytes or less/],
      [{ PGHOST: '' }, /PGHOST: required, or INITDB_ADMIN_URL/],
      [{ PGUSER: '' }, /PGUSER: required with PGHOST/],
      [{ INITDB_ADMIN_URL: 'mysql://x' }, /INITDB_ADMIN_URL: must start with postgresql:/],
      [{ INITDB_USER: corner.superuser['PGUSER'] ?? '' }, /INITDB_USER: "postgres" is the admin/],
      [{ INITDB_DATABASE: 'template1' }, /INITDB_DATABASE: "template1" is a template/],
    ]
    const outcomes = await Promise.all(refusals.map(([change]) => run({ ...corner.superuser, ...given, ...change })))
    for (const [index, [, sentence]] of refusals.entries()) {
      expect(outcomes[index]).toMatchObject({ code: 2, said: expect.stringMatching(sentence) })
    }
    const admin = await corner.createAdmin()
    const aboutSuperuser = await run({ ...admin, ...given, INITDB_USER: 'postgres' })
    expect(aboutSuperuser).toMatchObject({
      code: 2,
      said: expect.stringMatching(/INITDB_USER: "postgres" is a superuser/),
    })
    const names = [given.INITDB_DATABASE, given.INITDB_USER].map((name) => `'${name.replaceAll("'", "''")}'`)
    expect(
      await corner.asSuperuser(
        `select datname from pg_database where datname = ${names[0]} union all select rolname from pg_roles where rolname = ${names[1]}`,
      ),
    ).toEqual([])
  })

  test('says which right an admin lacks', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const powerless = corner.name('role', 'powerless')
    await corner.asSuperuser(`create role "${powerless}" login password 'powerless'`)
    const given = wanted(corner)
    const outcome = await run({ ...corner.superuser, ...given, PGUSER: powerless, PGPASSWORD: 'powerless' })
    expect(outcome).toMatchObject({
      code: 1,
      said: expect.stringMatching(/permission denied to create role.*\n.*by hand/s),
    })
  })

  test('takes the admin from a URL, waits for a server that is not there yet, and gives up on one that stays away', async () => {
    await using corner = openCorner(inject('postgresRawUrl'))
    const { PGPASSWORD, PGUSER, ...address } = await corner.createAdmin()
    const password = `p@ss/w?rd %#'"`
    await corner.asSuperuser(`alter role "${PGUSER}" password '${password.replaceAll("'", "''")}'`)
    await using late = await listenIn(address, 2_000)
    const place = `${late.to.PGHOST}:${late.to.PGPORT}`
    const given = wanted(corner, { INITDB_EXTENSIONS: 'none' })
    const INITDB_ADMIN_URL = `postgresql+psycopg://${PGUSER}:${encodeURIComponent(password)}@${place}/postgres?sslmode=disable`
    const came = await run({ ...given, INITDB_ADMIN_URL })
    expect(came).toMatchObject({ code: 0 })
    expect(`${came.said}${came.calls}`).not.toContain(password)
    const away = await run({ ...given, PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'x', INITDB_WAIT_SECONDS: '1' })
    expect(away).toMatchObject({ code: 1, said: expect.stringMatching(/127\.0\.0\.1:1.*Check PGHOST/s) })
    const plain = await run({ ...given, INITDB_ADMIN_URL: INITDB_ADMIN_URL.replace('disable', 'require') })
    expect(plain).toMatchObject({ code: 1, said: expect.stringMatching(/SSL/) })
  })
})
