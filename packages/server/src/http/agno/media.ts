/**
 * What is attached to messages as Agno shows it: by kind, with a reference to where the bytes are served instead of them.
 * @module
 */
import type { Media as WireMedia } from '@agentos/wire'
import type { Media, MediaKind } from '../../base/media.ts'
import { mediaOf, type Message } from '../../base/message.ts'

/** How Agno calls the place of bytes that are not in the run itself. */
const BACKEND = 'agentos'

export type MediaLists = {
  readonly images: WireMedia[]
  readonly videos: WireMedia[]
  readonly audio: WireMedia[]
  readonly files: WireMedia[]
}

export function toMediaLists(media: readonly Media[], sessionId: string): MediaLists {
  const of = (kind: MediaKind) => media.filter((one) => one.kind === kind).map((one) => toMedia(one, sessionId))
  return { images: of('image'), videos: of('video'), audio: of('audio'), files: of('file') }
}

/** Those lists that are not empty. */
export function toFilledLists(media: readonly Media[], sessionId: string): Partial<MediaLists> {
  if (media.length === 0) return {}
  return Object.fromEntries(Object.entries(toMediaLists(media, sessionId)).filter(([, list]) => list.length > 0))
}

/** GET /sessions/{session_id}/media/{storage_key} serves it. */
function toMedia({ id, kind, mimeType, name, stored, url, details }: Media, sessionId: string): WireMedia {
  return {
    id,
    ...(url !== undefined && { url }),
    mime_type: mimeType,
    // Only a document has a name of its own in Agno.
    ...(kind === 'file' && name !== undefined && { filename: name }),
    ...(kind === 'file' && stored !== undefined && { size: stored.bytes }),
    ...details,
    ...(stored !== undefined && {
      media_reference: {
        media_id: id,
        storage_key: id,
        session_id: sessionId,
        storage_backend: BACKEND,
        mime_type: mimeType,
        ...(name !== undefined && { filename: name }),
        size: stored.bytes,
        content_hash: stored.hash,
        media_type: kind,
      },
    }),
  }
}

/** What the models of a run have made. */
export function generatedIn(messages: readonly Message[]): readonly Media[] {
  return messages.flatMap((message) => (message.role === 'assistant' ? mediaOf(message) : []))
}
