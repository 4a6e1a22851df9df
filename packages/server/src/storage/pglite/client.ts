/**
 * The main thread's side of the PGlite thread. Statements go out as they come, and are answered in that order; while a
 * transaction is open, only its own statements go out and all others wait.
 * @module
 */
import { Worker } from 'node:worker_threads'
import pg from 'pg'
import { translateFailure, unavailable } from '../failure.ts'
import { columnParser } from '../values.ts'
import type { FromPglite, TextError, TextRows, ToPglite, WorkerInit } from './protocol.ts'

/** A caller that is faster than the engine gets errors instead of all the memory. */
const MOST_WAITING = 10_000

export type Rows = Pick<TextRows, 'affectedRows' | 'command'> & { readonly rows: readonly Record<string, unknown>[] }

type Query = (sql: string, parameters: readonly (string | null)[]) => Promise<Rows>

export type PgliteTransaction = {
  readonly query: Query
  /** Sends `commit` or `rollback`, lets the others go on, and tells what PostgreSQL did. */
  readonly end: (command: 'commit' | 'rollback') => Promise<Rows>
}

export type PgliteClient = {
  readonly query: Query
  /** Waits until no other transaction is open. */
  readonly begin: (sql: string) => Promise<PgliteTransaction>
  /** Waits for everything that was asked before, also for an open transaction. */
  readonly close: () => Promise<void>
}

/**
 * Starts the thread and opens the directory in it.
 * @param onDeath told once when the thread, once it was open, ends without having been asked to
 * @throws {AgentOSError} DATABASE_UNAVAILABLE when the directory cannot be opened
 */
export async function startPglite(directory: string, onDeath: (reason: string) => void): Promise<PgliteClient> {
  const workerData: WorkerInit = { directory }
  // No options of the main thread: what it preloads is not for this one, and some cannot be given to a thread at all.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, execArgv: [] })
  const connection = createConnection(worker, directory, onDeath)
  try {
    await connection.ready
  } catch (error) {
    await connection.stop()
    throw error
  }
  return createClient(connection)
}

type Connection = {
  /** Settled when the thread is dead, for whatever reason. */
  readonly gone: Promise<void>
  readonly ready: Promise<void>
  readonly send: Query
  readonly stop: () => Promise<void>
}

type Pending = { readonly resolve: (rows: Rows) => void; readonly reject: (error: unknown) => void }

function createConnection(worker: Worker, directory: string, onDeath: (reason: string) => void): Connection {
  const pending = new Map<number, Pending>()
  const ready = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  const exited = new Promise((resolve) => worker.once('exit', resolve))
  let nextId = 0
  let dead: Error | undefined
  let isReady = false
  let stopping = false

  const die = (reason: string) => {
    if (dead !== undefined) return
    const what = isReady ? 'has stopped' : `in ${directory} cannot be opened`
    dead = unavailable(`The embedded database ${what}: ${reason}`)
    ready.reject(dead)
    for (const { reject } of pending.values()) reject(dead)
    pending.clear()
    gone.resolve()
    if (isReady && !stopping) onDeath(reason)
  }
  /** The engine will not answer any more, although its thread lives. */
  const giveUp = (reason: string) => {
    die(reason)
    void worker.terminate()
  }
  worker.on('message', (message: FromPglite) => {
    if (message.type === 'ready') {
      isReady = true
      return ready.resolve()
    }
    if (message.type === 'failed') return die(message.reason)
    if (message.type === 'error' && isLastWord(message.error)) return giveUp(message.error.message)
    const asked = pending.get(message.id)
    pending.delete(message.id)
    if (message.type === 'rows') asked?.resolve(readRows(message.result))
    else asked?.reject(translateFailure(readError(message.error)))
  })
  worker.on('error', (error) => die(error instanceof Error ? error.message : String(error)))
  worker.on('exit', (code) => die(stopping ? 'it was closed' : `its thread ended with code ${code}`))

  const post = (message: ToPglite) => worker.postMessage(message, [])
  return {
    gone: gone.promise,
    ready: ready.promise,
    send: (sql, parameters) => {
      if (dead !== undefined) return Promise.reject(dead)
      const { promise, resolve, reject } = Promise.withResolvers<Rows>()
      const id = nextId++
      pending.set(id, { resolve, reject })
      post({ type: 'query', id, sql, parameters })
      return promise
    },
    stop: async () => {
      stopping = true
      if (dead === undefined) post({ type: 'close' })
      else await worker.terminate()
      await exited
    },
  }
}

function createClient({ send, stop, gone }: Connection): PgliteClient {
  const waiting: (() => void)[] = []
  let inTransaction = false
  let closing: Promise<void> | undefined

  const enter = <T>(start: () => Promise<T>): Promise<T> => {
    if (closing !== undefined) return Promise.reject(unavailable('The database is closed.'))
    if (!inTransaction && waiting.length === 0) return start()
    if (waiting.length >= MOST_WAITING) {
      return Promise.reject(unavailable(`${MOST_WAITING} statements already wait for the database.`))
    }
    const { promise, resolve } = Promise.withResolvers<T>()
    waiting.push(() => resolve(start()))
    return promise
  }
  const leave = () => {
    inTransaction = false
    // Until one of them opens a transaction of its own.
    for (let start = waiting.shift(); start !== undefined; start = inTransaction ? undefined : waiting.shift()) start()
  }
  const openTransaction = async (sql: string): Promise<PgliteTransaction> => {
    inTransaction = true
    let isOpen = true
    const end = (command: 'commit' | 'rollback') => {
      if (!isOpen) return Promise.reject(new TypeError(`${command} after the end of the transaction`))
      isOpen = false
      const ended = send(command, [])
      // The thread answers in order, so the next one need not wait for this answer.
      leave()
      return ended
    }
    try {
      await send(sql, [])
    } catch (error) {
      leave()
      throw error
    }
    return {
      query: (sql, parameters) =>
        isOpen ? send(sql, parameters) : Promise.reject(new TypeError('query after the end of the transaction')),
      end,
    }
  }
  // Nobody may wait for the end of a transaction that cannot end any more.
  void gone.then(() => waiting.splice(0).forEach((start) => start()))
  return {
    query: (sql, parameters) => enter(() => send(sql, parameters)),
    begin: (sql) => enter(() => openTransaction(sql)),
    close: () => (closing ??= enter(stop)),
  }
}

/**
 * Whether PostgreSQL ends with this error, as when its log cannot be written because the disk is full. As a server it
 * would start again; here it only goes silent.
 */
function isLastWord({ fields }: TextError): boolean {
  return fields['severity'] === 'PANIC' || fields['severity'] === 'FATAL'
}

function readRows({ fields, rows, affectedRows, command }: TextRows): Rows {
  const columns = fields.map(({ name, dataTypeID }) => ({ name, parse: columnParser(dataTypeID) }))
  const readRow = (row: readonly (string | null)[]) => {
    const read: Record<string, unknown> = {}
    for (const [index, { name, parse }] of columns.entries()) {
      const text = row[index]
      read[name] = text === null || text === undefined ? null : parse(text)
    }
    return read
  }
  return { rows: rows.map(readRow), affectedRows, command }
}

function readError({ message, fields }: TextError): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(message, message.length, 'error'), fields)
}
