/**
 * Operations on the server itself.
 * @module
 */
import { Reload } from '@agentos/wire'
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
