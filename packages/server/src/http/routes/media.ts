/**
 * The bytes of what is attached to messages.
 * @module
 */
import { MediaHeaders, MediaParams, SessionQuery } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import { findMedia, readContent, type StoredMedia } from '../../storage/media.ts'
import { findSession } from '../../storage/sessions/sessions.ts'
import type { AppDeps } from '../deps.ts'
import { type ByteRange, isKnown, readRange } from '../input/byte-range.ts'
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
  summary: 'Read what is attached to a message of a session: its bytes, or a range of them, under their own type',
  params: MediaParams,
  query: SessionQuery,
  headers: MediaHeaders,
  bytes: true,
  errors: ['SESSION_NOT_FOUND', 'MEDIA_NOT_FOUND', 'RANGE_NOT_SATISFIABLE', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, headers, deps, call }) {
    const { db } = deps.database
    const session = await findSession(db, params.id, { userId: query.user_id })
    if (session === undefined) throw new AgentOSError('SESSION_NOT_FOUND', `Session '${params.id}' not found`)
    const media = await findMedia(db, session.sessionId, params.key)
    if (media === undefined) throw new AgentOSError('MEDIA_NOT_FOUND', 'Media not found in this session')
    const etag = `"${media.hash}"`
    if (isKnown(headers['if-none-match'], etag)) return sendUnchanged(etag, call)
    // A range of another version would be joined with what the client has of this one.
    const isSame = headers['if-range'] === undefined || headers['if-range'].trim() === etag
    const range = isSame ? readRange(headers.range, media.bytes) : undefined
    if (range === 'none') {
      call.setHeader('content-range', `bytes */${media.bytes}`)
      throw new AgentOSError(
        'RANGE_NOT_SATISFIABLE',
        `There are ${media.bytes} bytes, none of them in ${headers.range}`,
      )
    }
    return sendMedia(media, range, deps, call)
  },
})

const CACHED = { 'cache-control': 'private, max-age=3600' }

function sendUnchanged(etag: string, call: Call): typeof STREAMED {
  call.setStatus(304)
  call.takeOver({ ...CACHED, etag }).response.end()
  return STREAMED
}

/** @param range undefined sends all of it */
async function sendMedia(
  media: StoredMedia,
  range: ByteRange | undefined,
  { database, log }: AppDeps,
  call: Call,
): Promise<typeof STREAMED> {
  if (range !== undefined) call.setStatus(206)
  const { response, register } = call.takeOver({
    ...CACHED,
    ...headersOf(media),
    ...(range && { 'content-range': `bytes ${range.first}-${range.last}/${media.bytes}` }),
    'content-length': String(range === undefined ? media.bytes : range.last - range.first + 1),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    etag: `"${media.hash}"`,
  })
  // A client that does not read does not keep the server from closing.
  const cut = () => response.destroy()
  response.once('close', register({ end: cut, cut }))
  try {
    for await (const chunk of readContent(database.db, media.hash, range)) {
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
