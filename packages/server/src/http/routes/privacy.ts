/**
 * What is held of one user: handed out whole, or erased.
 * @module
 */
import { Erasure, ExportLine, UserParams } from '@agentos/wire'
import { eraseUser } from '../../storage/users/erase-user.ts'
import { exportUser } from '../../storage/users/export-user.ts'
import type { AppDeps } from '../deps.ts'
import { type Call, route, STREAMED } from '../route.ts'
import { drained } from '../stream/streamed-body.ts'

const tag = 'Privacy'

export const getUserExport = route({
  method: 'GET',
  path: '/admin/users/{user_id}/export',
  scope: 'users:read',
  tag,
  summary: 'Everything that is held of a user, as lines of JSON; the last one says that it is complete',
  params: UserParams,
  lines: ExportLine,
  errors: ['DATABASE_UNAVAILABLE'],
  handle: ({ params, deps, call }) => sendExport(params.user_id, deps, call),
})

export const deleteUser = route({
  method: 'DELETE',
  path: '/admin/users/{user_id}',
  scope: 'users:delete',
  tag,
  summary: 'Erase everything that is held of a user; asking again goes on with what broke off',
  params: UserParams,
  response: Erasure,
  errors: ['USER_BUSY', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const erased = await eraseUser(deps.database.maintenance, params.user_id)
    deps.log.info('erased a user', { rows: Object.values(erased).reduce((sum, rows) => sum + rows, 0) })
    return { user_id: params.user_id, erased: { ...erased } }
  },
})

async function sendExport(userId: string, deps: AppDeps, call: Call): Promise<typeof STREAMED> {
  const rows = exportUser(deps.database.maintenance, userId)
  // Read before anything is sent, so that a database that is away is an answer of its own.
  let next = await rows.next()
  const { response, register } = call.takeOver({
    'content-type': 'application/x-ndjson',
    'content-disposition': 'attachment; filename="user-export.ndjson"',
    'cache-control': 'no-store',
  })
  const cut = () => response.destroy()
  response.once('close', register({ end: cut, cut }))
  const write = async (line: ExportLine) => {
    if (!response.write(`${JSON.stringify(line)}\n`)) await drained(response)
  }
  try {
    await write({ user_id: userId, exported_at: new Date(deps.clock.now()).toISOString() })
    let count = 0
    for (; next.done !== true && !response.destroyed; next = await rows.next()) {
      await write({ table: next.value.table, row: { ...next.value.row } })
      count++
    }
    await write({ complete: true, rows: count })
    response.end()
  } catch (error) {
    deps.log.warn('an export of a user broke off', { error })
    cut()
  } finally {
    await rows.return(undefined)
  }
  return STREAMED
}
