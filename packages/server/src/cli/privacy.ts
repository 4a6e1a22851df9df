/**
 * `agentos privacy export|erase USER_ID`: what is held of a user, as lines of JSON on the standard output, or erased. Opens
 * the database itself; while a server has an embedded one open, its routes do the same.
 * @module
 */
import { resolve } from 'node:path'
import { createIds } from '../base/ids.ts'
import { openStorage } from '../main/database.ts'
import { eraseUser } from '../storage/users/erase-user.ts'
import { exportUser } from '../storage/users/export-user.ts'
import { openCommand } from './process.ts'

export const PRIVACY_ACTIONS = ['export', 'erase'] as const
export type PrivacyAction = (typeof PRIVACY_ACTIONS)[number]

export async function privacy(action: PrivacyAction, userId: string): Promise<number> {
  const { config, deps, workingDirectory } = openCommand()
  const dataDirectory = resolve(workingDirectory, config.settings.AGENTOS_DATA_DIR)
  await using database = await openStorage(config, { ...deps, ids: createIds(deps.clock), dataDirectory })
  if (action === 'erase') {
    const erased = await eraseUser(database.maintenance, userId)
    const tables = Object.entries(erased).map(([table, rows]) => `  ${table}: ${rows}`)
    console.log(tables.length === 0 ? `Nothing is held of user ${userId}.` : `Erased, by table:\n${tables.join('\n')}`)
    return 0
  }
  await print({ user_id: userId, exported_at: new Date(deps.clock.now()).toISOString() })
  let rows = 0
  for await (const { table, row } of exportUser(database.maintenance, userId)) {
    await print({ table, row })
    rows++
  }
  await print({ complete: true, rows })
  return 0
}

/** Waits for whoever reads the output, so that it is never in memory at once. */
async function print(line: object): Promise<void> {
  if (process.stdout.write(`${JSON.stringify(line)}\n`)) return
  await new Promise((drained) => process.stdout.once('drain', drained))
}
