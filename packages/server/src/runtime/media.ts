/**
 * What is attached to messages, as the model is shown it: read when a model call needs it, kept until the run is over,
 * and no more of it at once than a call may have. And what the model makes, stored as soon as its reply is complete.
 * @module
 */
import type { Ask } from '../base/ask.ts'
import { isErrorCode } from '../base/errors.ts'
import { isTextType, type LoadedMedia, type Media } from '../base/media.ts'
import { type AssistantPart, mediaOf, type Message } from '../base/message.ts'
import { untilAborted } from './abort.ts'
import type { Draft } from './draft.ts'

/** Most bytes of media in one model call; beyond it the oldest are not shown. Providers take less. */
const MOST_BYTES = 67_108_864

/** Who has the bytes, and when not to wait for them any more. */
type Source = { readonly ask: Ask; readonly signal: AbortSignal }

/** What a run has read so far, by id. */
export type MediaShelf = Map<string, LoadedMedia>

/** @returns what `messages` refer to, the newest as long as there is room */
export async function loadMedia(
  messages: readonly Message[],
  shelf: MediaShelf,
  { ask, signal }: Source,
): Promise<ReadonlyMap<string, LoadedMedia>> {
  const shown = new Map<string, LoadedMedia>()
  let room = MOST_BYTES
  for (const medium of messages.flatMap(attachedTo).toReversed()) {
    if (shown.has(medium.id)) continue
    room -= medium.stored?.bytes ?? 0
    const loaded = room < 0 ? TOO_MUCH : (shelf.get(medium.id) ?? (await untilAborted(load(medium, ask), signal)))
    if (room >= 0) shelf.set(medium.id, loaded)
    shown.set(medium.id, loaded)
  }
  return shown
}

const TOO_MUCH: LoadedMedia = { type: 'absent', why: 'too much is attached to this conversation' }

function attachedTo(message: Message): readonly Media[] {
  if (message.role === 'user') return message.media ?? []
  return message.role === 'assistant' ? mediaOf(message) : []
}

async function load({ id, mimeType, stored, url }: Media, ask: Ask): Promise<LoadedMedia> {
  if (stored === undefined) return { type: 'url', url: url ?? '' }
  try {
    const bytes = await ask('load-media', { mediaId: id })
    return isTextType(mimeType) ? { type: 'text', text: new TextDecoder().decode(bytes) } : { type: 'bytes', bytes }
  } catch (error) {
    if (codeOf(error) !== 'MEDIA_NOT_FOUND') throw error
    return { type: 'absent', why: 'it is not kept any more' }
  }
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return isErrorCode(code) ? code : undefined
}

/** The parts of a reply with what the model made between them, where it made it. */
export async function storeFiles(
  parts: readonly AssistantPart[],
  { files }: Pick<Draft, 'files'>,
  { ask, signal }: Source,
): Promise<readonly AssistantPart[]> {
  const whole: AssistantPart[] = [...parts]
  for (const { after, mimeType, bytes } of files.toReversed()) {
    const media = await untilAborted(ask('store-media', { mimeType, bytes }), signal)
    whole.splice(after, 0, { type: 'media', media })
  }
  return whole
}
