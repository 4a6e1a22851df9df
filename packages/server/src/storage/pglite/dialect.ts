/**
 * Kysely on the PGlite thread. PGlite speaks PostgreSQL, so all but the driver is Kysely's. Its PGliteDialect would send
 * one statement at a time and wait for the answer before it sends the next, and its transactions wait for ever when they
 * cannot begin because the thread is dead.
 * @module
 */
import {
  AbortedTransactionError,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import { parameterText } from '../values.ts'
import type { PgliteClient, PgliteTransaction } from './client.ts'

export function createPgliteDialect(client: PgliteClient): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createDriver: () => createDriver(client),
  }
}

/** What one borrower has; the client keeps the statements of two of them apart. */
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
