/**
 * The server for this machine only: the webhook of git-sync, and readiness for hooks that run beside the process.
 * The caller binds it to a loopback address; it asks for no key.
 * @module
 */
import type { FastifyInstance } from 'fastify'
import type { AppDeps } from './deps.ts'
import { describeReadiness } from './routes/server.ts'
import { createServer } from './server.ts'

const BODY_LIMIT_BYTES = 64 * 1024

export async function createLoopbackApp(deps: AppDeps): Promise<FastifyInstance> {
  const { registry, log } = deps
  const app = createServer({ ...deps, bodyLimitBytes: BODY_LIMIT_BYTES, accessLog: deps.settings.accessLog })
  // The webhook's body says nothing that the folder does not say.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => undefined)

  app.post('/reload', async () => {
    // git-sync waits a second; a load may take longer, and its outcome is in the readiness.
    registry.reload().catch((error: unknown) => log.error('the reload that the webhook asked for failed', { error }))
    return { accepted: true }
  })
  app.get('/health/ready', { config: { scope: 'public' } }, async (_, reply) => {
    const state = describeReadiness(deps, true)
    return reply.code(state.ready ? 200 : 503).send(state)
  })
  return app
}
