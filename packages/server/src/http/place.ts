/**
 * Where rows lie, as clients of Agno may name it: there is one database, with one table of each kind.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { DATABASE_ID } from './agno/agent.ts'

export type Place = { readonly db_id?: string | undefined; readonly table?: string | undefined }

/**
 * @param known the table of the route
 * @throws {AgentOSError} INVALID_REQUEST, DATABASE_NOT_FOUND
 */
export function checkPlace({ db_id, table }: Place, known: string): void {
  if (db_id === undefined && table !== undefined) throw new AgentOSError('INVALID_REQUEST', 'table needs db_id')
  if (db_id !== undefined && db_id !== DATABASE_ID) {
    throw new AgentOSError('DATABASE_NOT_FOUND', `No database found with id '${db_id}'`)
  }
  if (table !== undefined && table !== known) {
    throw new AgentOSError('DATABASE_NOT_FOUND', `No database found with id '${db_id}' and table '${table}'`)
  }
}
