/**
 * Kysely on the PGlite thread. Kysely's own PGliteDialect has one connection for everybody, so that a plain query made
 * while a transaction is open becomes part of it, and two transactions at once end each other; here every borrower has a
 * connection of its own, and the client keeps them apart.
 * @module
 */
import {
  AbortedTransactionError,
  PGliteDialect,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import { parameterText } from '../values.ts'
import type { PgliteClient, PgliteTransaction } from './client.ts'

/** The compiler, adapter and introspector are Kysely's; only the driver is ours. */
export function createPgliteDialect(client: PgliteClient): Dialect {
  const dialect = new PGliteDialect({ pglite: notUsed })
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver: () => createDriver(client),
  }
}

function notUsed(): never {
  throw new TypeError('the driver of PGliteDialect is replaced')
}

class Connection implements DatabaseConnection {
  readonly #client: PgliteClient
  #transaction: PgliteTransaction | undefined

  constructor(client: PgliteClient) {
    this.#client = client
  }

  async begin(settings: TransactionSettings): Promise<void> {
    const level = settings.isolationLevel === undefined ? '' : ` isolation level ${settings.isolationLevel}`
    const mode = settings.accessMode === undefined ? '' : ` ${settings.accessMode}`
    this.#transaction = await this.#client.begin(`begin${level}${mode}`)
  }

  async end(command: 'commit' | 'rollback'): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    const ended = await transaction?.end(command)
    // PostgreSQL answers a commit after a failed statement with a rollback, and no error.
    if (command === 'commit' && ended?.command === 'ROLLBACK') throw new AbortedTransactionError()
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, affectedRows } = await (this.#transaction ?? this.#client).query(sql, parameters.map(parameterText))
    return {
      // The caller of Kysely says what its rows are.
      rows: rows as R[],
      ...(affectedRows === undefined ? {} : { numAffectedRows: BigInt(affectedRows) }),
    }
  }

  // Its type demands a generator; it never yields.
  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('the embedded database cannot stream a query')
  }
}

function createDriver(client: PgliteClient): Driver {
  // Kysely hands back the connections that acquireConnection gave it.
  const own = (connection: DatabaseConnection) => connection as Connection
  return {
    init: async () => {},
    acquireConnection: async () => new Connection(client),
    releaseConnection: async () => {},
    beginTransaction: (connection, settings) => own(connection).begin(settings),
    commitTransaction: (connection) => own(connection).end('commit'),
    rollbackTransaction: (connection) => own(connection).end('rollback'),
    destroy: () => client.close(),
  }
}
