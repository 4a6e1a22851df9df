/**
 * What is attached to a message beside its text: images, audio, video, documents. Messages and runs hold descriptions
 * only; the bytes lie in storage under their hash, or with somebody else under a URL.
 * @module
 */
import type { JsonObject } from './json.ts'

export type MediaKind = 'image' | 'audio' | 'video' | 'file'

export type Media = {
  /** Names it within its run. */
  readonly id: string
  readonly kind: MediaKind
  /** `type/subtype` in lower case, without parameters. */
  readonly mimeType: string
  /** Of the file it came as. */
  readonly name?: string
  /** Where its bytes are stored: SHA-256 in hexadecimal, and how many they are. Absent for one that has a URL. */
  readonly stored?: { readonly hash: string; readonly bytes: number }
  /** http or https; nobody but the model's provider reads it. */
  readonly url?: string
  /** What else is known of it, by Agno's names: `format`, `detail`, `alt_text`, `metadata`, ... */
  readonly details?: JsonObject
}

/** What a model is given of a medium, by its id. */
export type LoadedMedia =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'url'; readonly url: string }
  /** It cannot be shown any more, for this reason. */
  | { readonly type: 'absent'; readonly why: string }

/** Types beside `text/*` whose bytes are text, so that every model can read them. */
const TEXT_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/x-javascript',
  'application/javascript',
  'application/x-python',
  'application/xml',
  'application/rtf',
  'message/rfc822',
])

export function isTextType(mimeType: string): boolean {
  return mimeType.startsWith('text/') || TEXT_TYPES.has(mimeType) || /\+(?:json|xml)$/.test(mimeType)
}

/** How people call it: `image "cat.png"`. */
export function describeMedia({ kind, name }: Pick<Media, 'kind' | 'name'>): string {
  return name === undefined ? kind : `${kind} ${JSON.stringify(name)}`
}
