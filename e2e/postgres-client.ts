/**
 * The least of PostgreSQL's wire protocol 3 (documentation chapter "Frontend/Backend Protocol"): one connection over TCP,
 * SCRAM-SHA-256 or no password, one statement per call, all values as text. For tests and
 * measurements that must not depend on the server's own driver.
 * @module
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type Rows = readonly (readonly (string | null)[])[]

export type PostgresClient = AsyncDisposable & {
  /** Prepares `sql` at its first use and keeps it. @throws {Error} with the server's message */
  readonly query: (sql: string, values?: readonly string[]) => Promise<Rows>
}

type Waiting = {
  readonly rows: (string | null)[][]
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: Error) => void
  error: Error | undefined
}

/** @param url `postgresql://user:password@host:port/database` */
export async function connectPostgres(url: string): Promise<PostgresClient> {
  const target = new URL(url)
  const user = decodeURIComponent(target.username)
  const socket = connect(Number(target.port || 5432), target.hostname)
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const waiting: Waiting[] = []
  const statements = new Map<string, string>()
  const login = scram(decodeURIComponent(target.password))
  const ready = ask(waiting)

  receive(socket, (type, body) => {
    if (type === 'R') return authenticate(socket, login, body)
    const current = waiting[0]
    if (current === undefined) return undefined
    if (type === 'D') current.rows.push(readRow(body))
    else if (type === 'E') current.error = new Error(readError(body))
    else if (type === 'Z') settle(waiting)
    return undefined
  })
  const fail = (error: Error) => {
    for (const entry of waiting.splice(0)) entry.reject(entry.error ?? error)
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection to PostgreSQL closed')))

  const database = decodeURIComponent(target.pathname.slice(1)) || user
  const parameters = Buffer.from(`user\0${user}\0database\0${database}\0\0`)
  socket.write(Buffer.concat([int32(parameters.length + 8), int32(196_608), parameters]))
  await ready

  return {
    query(sql, values = []) {
      const parts: Buffer[] = []
      let name = statements.get(sql)
      if (name === undefined) {
        name = `s${statements.size}`
        statements.set(sql, name)
        parts.push(message('P', text(name), text(sql), int16(0)))
      }
      const bound = values.flatMap((value) => {
        const bytes = Buffer.from(value)
        return [int32(bytes.length), bytes]
      })
      parts.push(message('B', text(''), text(name), int16(0), int16(values.length), ...bound, int16(0)))
      parts.push(message('E', text(''), int32(0)), message('S'))
      socket.write(Buffer.concat(parts))
      return ask(waiting)
    },
    async [Symbol.asyncDispose]() {
      if (socket.destroyed) return
      const closed = once(socket, 'close')
      socket.end(message('X'))
      await closed
    },
  }
}

function ask(waiting: Waiting[]): Promise<Rows> {
  return new Promise((resolve, reject) => waiting.push({ rows: [], resolve, reject, error: undefined }))
}

function settle(waiting: Waiting[]): void {
  const done = waiting.shift()
  if (done?.error === undefined) done?.resolve(done.rows)
  else done.reject(done.error)
}

function receive(socket: Socket, onMessage: (type: string, body: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length >= rest.readInt32BE(1) + 1) {
      const end = rest.readInt32BE(1) + 1
      onMessage(String.fromCharCode(rest[0] ?? 0), rest.subarray(5, end))
      rest = rest.subarray(end)
    }
  })
}

type Login = { readonly first: string; readonly final: (challenge: string) => string }

/** RFC 5802, without channel binding. */
function scram(password: string): Login {
  const nonce = randomBytes(18).toString('base64')
  const bare = `n=,r=${nonce}`
  return {
    first: `n,,${bare}`,
    final: (challenge) => {
      const given = new Map(challenge.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
      const salt = Buffer.from(given.get('s') ?? '', 'base64')
      const salted = pbkdf2Sync(password, salt, Number(given.get('i')), 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const withoutProof = `c=biws,r=${given.get('r')}`
      const stored = createHash('sha256').update(clientKey).digest()
      const signature = hmac(stored, `${bare},${challenge},${withoutProof}`)
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
    },
  }
}

function authenticate(socket: Socket, login: Login, body: Buffer): void {
  const kind = body.readInt32BE(0)
  if (kind === 10) {
    const first = Buffer.from(login.first)
    socket.write(message('p', text('SCRAM-SHA-256'), int32(first.length), first))
  } else if (kind === 11) socket.write(message('p', Buffer.from(login.final(body.subarray(4).toString()))))
  else if (kind !== 0 && kind !== 12) socket.destroy(new Error(`PostgreSQL asks for authentication ${kind}`))
}

function readRow(body: Buffer): (string | null)[] {
  const row: (string | null)[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : body.toString('utf8', at, at + length))
    at += Math.max(0, length)
  }
  return row
}

function readError(body: Buffer): string {
  const fields = body.toString().split('\0')
  return fields.find((field) => field.startsWith('M'))?.slice(1) ?? 'unknown error of PostgreSQL'
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4)
  return Buffer.concat([Buffer.from(type), int32(length), ...parts])
}

function hmac(key: Buffer, value: string): Buffer {
  return createHmac('sha256', key).update(value).digest()
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
