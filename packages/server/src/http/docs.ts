/**
 * `/docs` and `/openapi.json`, without anything from another host.
 * @module
 */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Auth } from '../auth/auth.ts'
import { describeApi } from './openapi.ts'
import type { Route } from './route.ts'

export async function addDocs(
  app: FastifyInstance,
  routes: readonly Route[],
  { title, version, auth }: { readonly title: string; readonly version: string; readonly auth: Auth },
): Promise<void> {
  const document = describeApi(routes, { title, version, secured: auth.mode !== 'none' })
  const json = JSON.stringify(document)
  app.get('/openapi.json', { config: { scope: 'public' } }, async (_, reply) =>
    reply.header('content-type', 'application/json').send(json),
  )
  await app.register(async (docs) => {
    // The plug-in's own routes declare no scope; all of them are the page and its files.
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'public' }
    })
    // The document is OpenAPI as its own types have it; ours is plain JSON.
    await docs.register(swagger, { mode: 'static', specification: { document: document as never } })
    await docs.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
  })
}
