import fc from 'fast-check'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConnectionUrl } from './connection-url.ts'

const PLAIN = {
  host: 'db.example',
  port: 5433,
  database: 'agents',
  user: 'ada',
  password: 's3cret',
  ssl: false,
  sslOptional: false,
  options: undefined,
}

test.each(['postgresql', 'postgres', 'postgresql+psycopg', 'postgresql+asyncpg', 'postgresql+psycopg2'])(
  'reads %s://',
  (scheme) => {
    expect(parseConnectionUrl(`${scheme}://ada:s3cret@db.example:5433/agents`)).toEqual(PLAIN)
  },
)

test('fills in what libpq fills in', () => {
  expect(parseConnectionUrl('postgresql://ada@db.example')).toEqual({
    ...PLAIN,
    port: 5432,
    database: 'ada',
    password: undefined,
  })
  expect(parseConnectionUrl('postgresql://ada@[::1]/x').host).toBe('::1')
  expect(parseConnectionUrl('postgresql://ada@/x?host=/run/postgresql').host).toBe('/run/postgresql')
  expect(parseConnectionUrl('postgresql:///x?user=ada&options=-c%20search_path%3Dy')).toMatchObject({
    host: '127.0.0.1',
    user: 'ada',
    options: '-c search_path=y',
  })
})

test('every user, password and database survives percent-encoding', () => {
  const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((value) => value.isWellFormed())
  fc.assert(
    fc.property(text, text, text, (user, password, database) => {
      const [u, p, d] = [user, password, database].map(encodeURIComponent)
      // A path of one or two dots is a folder to every URL parser.
      fc.pre(database !== '.' && database !== '..')
      expect(parseConnectionUrl(`postgresql://${u}:${p}@h/${d}`)).toMatchObject({ user, password, database })
    }),
  )
})

describe('sslmode', () => {
  const ssl = (query: string) => {
    const { ssl, sslOptional } = parseConnectionUrl(`postgresql://ada@h/x?${query}`)
    return [ssl, sslOptional]
  }

  test.each([
    ['', false, false],
    ['sslmode=disable', false, false],
    ['sslmode=prefer', { rejectUnauthorized: false }, true],
    ['sslmode=require', { rejectUnauthorized: false }, false],
    ['ssl=require', { rejectUnauthorized: false }, false],
    ['ssl=true', { rejectUnauthorized: false }, false],
    ['sslmode=verify-full', { rejectUnauthorized: true }, false],
    ['sslmode=verify-full&sslrootcert=system', { rejectUnauthorized: true }, false],
    ['sslmode=verify-ca', { rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }, false],
  ])('means what it means to libpq: %s', (query, expected, optional) => {
    expect(ssl(query)).toEqual([expected, optional])
  })

  test('reads certificates from their files; a root certificate is used', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agentos-certificates-'))
    const file = join(folder, 'ca.pem')
    await writeFile(file, 'PEM')
    expect(ssl(`sslmode=require&sslrootcert=${file}&sslcert=${file}&sslkey=${file}`)[0]).toMatchObject({
      rejectUnauthorized: true,
      ca: 'PEM',
      cert: 'PEM',
      key: 'PEM',
    })
    await rm(folder, { recursive: true })
    expect(() => ssl(`sslmode=require&sslrootcert=${file}`)).toThrow(`Cannot read sslrootcert ${file}`)
  })
})

describe('what cannot be used', () => {
  test.each([
    ['nonsense', 'it is not a URL'],
    ['postgresql://ada:s3cret@h:x/y', 'it is not a URL'],
    ['mysql://ada:s3cret@h/x', 'its scheme is "mysql"'],
    ['postgresql://:s3cret@h/x', 'it names no user'],
    ['postgresql://ada:s3cret%zz@h/x', 'a percent sign'],
    ['postgresql://ada:s3cret@h/x?port=99999', 'its port is 99999'],
    ['postgresql://ada:s3cret@h/x?sslmode=maybe', 'its sslmode is "maybe"'],
  ])('%s: says what is wrong and never the password', (url, what) => {
    const refused = () => parseConnectionUrl(url)
    expect(refused).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(what) }))
    expect(refused).not.toThrow(/s3cret/)
  })
})
