/**
 * The thread that runs PGlite, which blocks whatever thread it runs on. Answers one statement after the other, in the
 * order in which they came.
 * @module
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import type { FromPglite, TextError, TextRows, ToPglite, WorkerInit } from './protocol.ts'

const FILE_ERRORS: ReadonlyMap<number, string> = new Map([
  [2, 'EACCES: permission denied'],
  [29, 'EIO: input/output error'],
  [33, 'EMFILE: too many open files'],
  [51, 'ENOSPC: no space left on device'],
  [63, 'EPERM: operation not permitted'],
  [69, 'EROFS: read-only file system'],
])

const ERROR_FIELDS = [
  'code',
  'severity',
  'detail',
  'hint',
  'position',
  'where',
  'schema',
  'table',
  'column',
  'constraint',
]

if (isMainThread || parentPort === null) throw new TypeError('pglite/worker.ts runs as a worker thread only')
const port = parentPort
const send = (message: FromPglite) => port.postMessage(message)

const { directory }: WorkerInit = workerData
let lastWords = ''
const database = new PGlite({ dataDir: directory, extensions: { vector }, onStdout: listen, onStderr: listen })
const opened = database.waitReady.then(keepText).then(
  () => send({ type: 'ready' }),
  (error: unknown) => fail(error),
)

let last: Promise<void> = opened
port.on('message', (message: ToPglite) => {
  last = last.then(() => handle(message))
})

/** Values stay the text that PostgreSQL reads and writes. */
function keepText(): void {
  const asIs = (value: unknown) => value
  for (const oid of Object.keys(database.parsers)) database.parsers[Number(oid)] = asIs
  for (const oid of Object.keys(database.serializers)) database.serializers[Number(oid)] = (value) => String(value)
}

async function handle(message: ToPglite): Promise<void> {
  if (message.type === 'close') {
    await database.close()
    port.close()
    return
  }
  const { id, sql, parameters } = message
  try {
    send({ type: 'rows', id, result: await run(sql, parameters) })
  } catch (error) {
    // Without an SQLSTATE it was not PostgreSQL that refused the statement but WebAssembly that broke down.
    if (!(error instanceof Error) || !('code' in error)) return fail(error)
    send({ type: 'error', id, error: describe(error) })
  }
}

/** As with pg, a text without parameters may hold several statements; the last one's rows count. */
async function run(sql: string, parameters: readonly (string | null)[]): Promise<TextRows> {
  const options = { rowMode: 'array' } as const
  const result =
    parameters.length === 0
      ? (await database.exec(sql, options)).at(-1)
      : await database.query(sql, [...parameters], options)
  // rowMode `array` gives arrays, which the type of `exec` does not know.
  const rows = (result?.rows ?? []) as (string | null)[][]
  return { fields: result?.fields ?? [], rows, affectedRows: result?.affectedRows, command: result?.command }
}

function describe(error: Error): TextError {
  const fields = Object.entries(error).filter(([key, value]) => ERROR_FIELDS.includes(key) && typeof value === 'string')
  return { message: error.message, fields: Object.fromEntries(fields) }
}

/** Keeps the last failure that PostgreSQL logs: when it cannot go on, that is where it says why. */
function listen(line: string): boolean {
  const failure = /(?:FATAL|PANIC): .*/.exec(line)
  if (failure) lastWords = `; ${failure[0]}`
  return false
}

function fail(error: unknown): void {
  send({ type: 'failed', reason: nameFailure(error) + lastWords })
  port.close()
}

/** Emscripten throws file system errors that are no Error, with the numbers of WASI. */
function nameFailure(error: unknown): string {
  if (error instanceof Error) return error.message
  const errno = typeof error === 'object' && error !== null && 'errno' in error ? Number(error.errno) : 0
  return FILE_ERRORS.get(errno) ?? `file system error ${errno}`
}
