/**
 * The bytes of what is attached to messages.
 * @module
 */
import { MediaParams, SessionQuery } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import { findMedia, readContent, type StoredMedia } from '../../storage/media.ts'
import { findSession } from '../../storage/sessions/sessions.ts'
import type { AppDeps } from '../deps.ts'
import { type Call, route, STREAMED } from '../route.ts'
import { drained } from '../stream/streamed-body.ts'

/** Types that a browser would run as a page of this server. */
const ACTIVE: ReadonlySet<string> = new Set([
  'text/html',
  'application/xhtml+xml',
  'image/svg+xml',
  'text/javascript',
  'application/javascript',
  'application/x-javascript',
  'text/xml',
  'application/xml',
])

export const getSessionMedia = route({
  method: 'GET',
  path: '/sessions/{id}/media/{key}',
  scope: 'sessions:read',
  tag: 'Sessions',
  summary: 'Read what is attached to a message of a session: its bytes, under their own type',
  params: MediaParams,
  query: SessionQuery,
  bytes: true,
  errors: ['SESSION_NOT_FOUND', 'MEDIA_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps, call }) {
    const { db } = deps.database
    const session = await findSession(db, params.id, { userId: query.user_id })
    if (session === undefined) throw new AgentOSError('SESSION_NOT_FOUND', `Session '${params.id}' not found`)
    const media = await findMedia(db, session.sessionId, params.key)
    if (media === undefined) throw new AgentOSError('MEDIA_NOT_FOUND', 'Media not found in this session')
    return sendMedia(media, deps, call)
  },
})

async function sendMedia(media: StoredMedia, { database, log }: AppDeps, call: Call): Promise<typeof STREAMED> {
  const { response, register } = call.takeOver({
    ...headersOf(media),
    'content-length': String(media.bytes),
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, max-age=3600',
    etag: `"${media.hash}"`,
  })
  // A client that does not read does not keep the server from closing.
  const cut = () => response.destroy()
  response.once('close', register({ end: cut, cut }))
  try {
    for await (const chunk of readContent(database.db, media.hash)) {
      if (response.destroyed) return STREAMED
      if (!response.write(chunk)) await drained(response)
    }
    response.end()
  } catch (error) {
    // Its headers are sent, so that the client can only be told by cutting it.
    log.warn('a medium could not be sent', { media_id: media.mediaId, error })
    cut()
  }
  return STREAMED
}

function headersOf({ mimeType, name }: StoredMedia): Record<string, string> {
  const isActive = ACTIVE.has(mimeType)
  const disposition = isActive ? 'attachment' : 'inline'
  const named = name === null ? '' : `; filename*=UTF-8''${encodeURIComponent(name).replaceAll("'", '%27')}`
  return {
    'content-type': isActive ? 'application/octet-stream' : mimeType,
    'content-disposition': `${disposition}${named}`,
  }
}
