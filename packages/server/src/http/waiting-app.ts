/**
 * What answers at the address of a server that cannot start yet: probes, and the reason to everybody else.
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { createAuth } from '../auth/auth.ts'
import type { AgentOSError } from '../base/errors.ts'
import type { AppDeps, HttpSettings } from './deps.ts'
import { describeReadiness } from './routes/server.ts'
import { createServer } from './server.ts'

/** Nothing is read from a body. */
const BODY_LIMIT_BYTES = 64 * 1024

export type WaitingDeps = Pick<AppDeps, 'clock' | 'ids' | 'log' | 'redact' | 'registry' | 'startedAt'> &
  Pick<HttpSettings, 'securityKey' | 'accessLog'> & {
    /** Why it cannot start at the moment. */
    readonly reason: () => AgentOSError
  }

export function createWaitingApp(deps: WaitingDeps): FastifyInstance {
  const { registry, redact, startedAt, reason, accessLog } = deps
  const auth = createAuth(deps.securityKey)
  // Clients of this app find another one at the same address when it is gone.
  const app = createServer({ ...deps, bodyLimitBytes: BODY_LIMIT_BYTES, accessLog, isStopping: () => true })
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw reason()
  })
  const readiness = () => {
    const { message, next } = reason()
    return { ready: false, startup: false, reasons: { schema: `${message} ${next}` } }
  }
  app.get('/health', async () => ({ status: 'ok', instantiated_at: startedAt.toISOString() }))
  app.get('/health/startup', async (_, reply) => reply.code(503).send({ started: false }))
  app.get('/health/ready', async (request, reply) => {
    const { trusted } = auth.authorize(request.headers.authorization, 'public')
    return reply.code(503).send(describeReadiness({ registry, redact, settings: { readiness } }, trusted))
  })
  return app
}
