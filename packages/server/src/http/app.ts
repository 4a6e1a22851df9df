/**
 * The API server: every route of the table behind authentication, with CORS, docs, and answers for what is no route.
 * @module
 */
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createAuth } from '../auth/auth.ts'
import { AgentOSError } from '../base/errors.ts'
import type { AppDeps, HttpSettings } from './deps.ts'
import { addDocs } from './docs.ts'
import type { FormLimits } from './input/form.ts'
import { addBodyParsers } from './input/input.ts'
import { createOpenStreams } from './stream/open-streams.ts'
import { registerRoute } from './register.ts'
import { pathOf } from './request-path.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes/table.ts'
import { createServer } from './server.ts'

export type { AppDeps, HttpSettings } from './deps.ts'
export { createLoopbackApp } from './loopback.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
/** How long a stream that was told to end may take to hand over what was written. */
const STREAM_END_MS = 5_000

/** Builds the server; the caller listens and closes. Closing ends open streams. */
export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const { settings, registry } = deps
  const { bodyLimitBytes, accessLog } = settings
  const auth = createAuth(settings.securityKey)
  const streams = createOpenStreams()
  const app = createServer({ ...deps, bodyLimitBytes, accessLog, isStopping: settings.isStopping })

  addBodyParsers(app, (request) => limitsOf(request, settings))
  await app.register(cors, {
    origin: [...settings.corsOrigins],
    credentials: true,
    methods: METHODS,
    exposedHeaders: ['*', 'x-request-id', 'x-agentos-revision'],
    maxAge: 600,
    strictPreflight: false,
  })
  app.addHook('onRequest', async (request, reply) => {
    const revision = registry.current()?.revision
    if (revision !== undefined) reply.header('x-agentos-revision', revision)
    if (request.method === 'OPTIONS') return
    request.caller = auth.authorize(request.headers.authorization, request.routeOptions.config.scope)
    const { fieldBytes, files } = limitsOf(request, settings)
    const most = fieldBytes + (files?.totalBytes ?? 0)
    if (Number(request.headers['content-length'] ?? 0) > most) {
      throw new AgentOSError('BODY_TOO_LARGE', `The body is larger than ${most} bytes`)
    }
  })
  for (const route of ROUTES) registerRoute(app, route, { deps, auth, streams })
  if (settings.docsEnabled)
    await addDocs(app, ROUTES, { title: settings.name ?? 'AgentOS', version: deps.version, auth })
  app.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(ROUTES, request)
    if (allowed.length === 0) throw new AgentOSError('ROUTE_NOT_FOUND', 'Not Found')
    reply.header('allow', allowed.join(', '))
    throw new AgentOSError('METHOD_NOT_ALLOWED', 'Method Not Allowed')
  })
  // Before the server closes: Node then cuts answers that are ended but not yet read.
  app.addHook('preClose', async () => {
    await streams.endAll(STREAM_END_MS)
    // Idle connections are closed next. What has arrived on them is read by then: the loop has just looked.
    await new Promise((looked) => setImmediate(looked))
  })
  return app
}

/** What a body may have, by the route it is sent to. */
function limitsOf(request: FastifyRequest, settings: HttpSettings): FormLimits {
  const { uploads } = request.routeOptions.config
  const { bodyLimitBytes: fieldBytes, uploadDirectory: directory } = settings
  if (uploads === undefined) return { fieldBytes, files: undefined }
  return { fieldBytes, files: { ...settings.uploads[uploads.kind], fields: uploads.fields, directory } }
}

/** Other methods under which the path of `request` is a route. */
function allowedMethods(routes: readonly Route[], request: FastifyRequest): string[] {
  const path = pathOf(request).replace(/(?<=.)\/$/, '')
  const methods = routes
    .filter((route) => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .map(({ method }) => method)
  return methods.includes('GET') ? ['HEAD', ...methods].toSorted() : methods.toSorted()
}
