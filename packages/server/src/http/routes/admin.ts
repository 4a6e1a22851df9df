/**
 * Operations on the server itself.
 * @module
 */
import { Reload, ServerStatus, StorageReport } from '@agentos/wire'
import { reportStorage } from '../../storage/upkeep/storage-report.ts'
import { describeStatus } from '../server-status.ts'
import { toStorageReport } from '../storage-report.ts'
import { route } from '../route.ts'
import { describeFiles } from './server.ts'

export const reload = route({
  method: 'POST',
  path: '/admin/reload',
  scope: 'config:write',
  tag: 'Server',
  summary: 'Look at the agents folder now, on every replica; answers when this one has',
  response: Reload,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ deps }) {
    // First here: it works while the database is away.
    const status = await deps.registry.reload()
    await deps.settings.requestReload()
    return {
      state: status.state,
      revision: status.loaded,
      desired: status.desired,
      error: status.error,
      files: describeFiles(status.files, true),
    }
  },
})

export const storage = route({
  method: 'GET',
  path: '/admin/storage',
  scope: 'config:read',
  tag: 'Server',
  summary: 'What the database holds and how much room it takes',
  response: StorageReport,
  errors: ['DATABASE_UNAVAILABLE'],
  handle: async ({ deps }) => toStorageReport(await reportStorage(deps.database.db)),
})

export const status = route({
  method: 'GET',
  path: '/admin/status',
  scope: 'config:read',
  tag: 'Server',
  summary: 'How this replica does: event loop, database pools, leases, workers, streams, spans',
  response: ServerStatus,
  errors: [],
  handle: ({ deps }) => describeStatus(deps),
})
