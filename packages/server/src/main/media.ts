/**
 * What is attached to messages, for the runs of this replica: hands them the bytes that their session refers to, and keeps
 * what their models make.
 * @module
 */
import { createHash } from 'node:crypto'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Media, MediaKind } from '../base/media.ts'
import type { Registry } from '../loader/registry.ts'
import type { Database } from '../storage/database.ts'
import { addMedia, findMedia, readContent, storeContent } from '../storage/media.ts'
import type { Answerers } from './answers.ts'

/** A run sees what belongs to its session, whoever asks in it. */
export function answerMedia({ db }: Pick<Database, 'db'>, ids: Ids, registry: Pick<Registry, 'current'>): Answerers {
  const keepsMedia = (agentId: string) =>
    registry.current()?.manifest.agents.find(({ id }) => id === agentId)?.storeMedia ?? true
  return {
    'load-media': async ({ sessionId }, { mediaId }) => {
      const found = await findMedia(db, sessionId, mediaId)
      if (found === undefined) throw new AgentOSError('MEDIA_NOT_FOUND', `Media ${mediaId} not found`)
      const bytes = new Uint8Array(found.bytes)
      let at = 0
      for await (const chunk of readContent(db, found.hash)) {
        bytes.set(chunk, at)
        at += chunk.length
      }
      return bytes
    },
    'store-media': async ({ runId, agentId }, { mimeType, bytes }) => {
      const hash = createHash('sha256').update(bytes).digest('hex')
      const stored = { hash, bytes: bytes.length }
      await storeContent(db, { ...stored, pieces: [bytes] })
      const media: Media = { id: ids.uuid(), kind: kindOf(mimeType), mimeType, stored }
      if (await addMedia(db, runId, media, keepsMedia(agentId))) return media
      throw new AgentOSError('RUN_NOT_FOUND', `Run ${runId} not found`)
    },
  }
}

const KINDS: readonly string[] = ['image', 'audio', 'video'] satisfies readonly MediaKind[]

function kindOf(mimeType: string): MediaKind {
  const family = mimeType.split('/')[0] ?? ''
  // One of the list is such a kind.
  return KINDS.includes(family) ? (family as MediaKind) : 'file'
}
