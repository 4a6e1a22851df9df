/**
 * What a request attaches to its message: files of a form, and the lists of media that Agno's clients send as JSON. The
 * bytes are stored before the run that refers to them; what is wrong is refused before anything is.
 * @module
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { AgentOSError } from '../../base/errors.ts'
import type { Ids } from '../../base/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Media, MediaKind } from '../../base/media.ts'
import type { Upload } from '../../base/upload.ts'
import type { Db } from '../../storage/database.ts'
import { storeContent } from '../../storage/media.ts'
import { byExtension, extensionOf, type MediaType, mediaTypeOf, sniffType } from './media-types.ts'

/** The lists of a run request, as far as they carry media. */
export type MediaFields = {
  readonly images?: readonly Json[] | undefined
  readonly audio?: readonly Json[] | undefined
  readonly videos?: readonly Json[] | undefined
  readonly files?: readonly Json[] | undefined
  readonly input_files?: readonly Json[] | undefined
  /** What is known of the uploads, by their place. */
  readonly files_metadata?: readonly Json[] | undefined
}

export type MediaDeps = {
  readonly db: Db
  readonly ids: Ids
  /** Most bytes of all media of a request together. */
  readonly mostBytes: number
  /** Most media of a request. */
  readonly mostCount: number
}

/** A medium whose bytes are at hand, or nowhere here. */
type Given = Media & { readonly pieces?: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array> }

const LISTS = [
  ['images', 'image'],
  ['audio', 'audio'],
  ['videos', 'video'],
  ['files', 'file'],
  ['input_files', 'file'],
] as const satisfies readonly (readonly [keyof MediaFields, MediaKind])[]

/** Types of media that say nothing of theirs. */
const FALLBACK: Readonly<Record<MediaKind, string>> = {
  image: 'image/png',
  audio: 'audio/wav',
  video: 'video/mp4',
  file: 'text/plain',
}

/** What of a JSON medium is kept as it is. */
const DETAILS: readonly string[] = [
  'format',
  'detail',
  'alt_text',
  'original_prompt',
  'revised_prompt',
  'duration',
  'sample_rate',
  'channels',
  'transcript',
  'expires_at',
  'width',
  'height',
  'fps',
  'eta',
  'file_type',
  'name',
  'metadata',
]

/**
 * @returns descriptions of all that is attached, its bytes stored
 * @throws {AgentOSError} MEDIA_UNSUPPORTED, INVALID_REQUEST, BODY_TOO_LARGE, DATABASE_UNAVAILABLE
 */
export async function takeMedia(fields: MediaFields, uploads: readonly Upload[], deps: MediaDeps): Promise<Media[]> {
  const about = fields.files_metadata ?? []
  const given: Given[] = [
    ...uploads.map((upload, place) => fromUpload(upload, about[place], deps.ids)),
    ...LISTS.flatMap(([list, kind]) =>
      (fields[list] ?? []).map((item, place) => fromJson(item, kind, `${list}[${place}]`, deps.ids)),
    ),
  ]
  const bytes = given.reduce((sum, { stored }) => sum + (stored?.bytes ?? 0), 0)
  if (given.length > deps.mostCount) {
    throw new AgentOSError('BODY_TOO_LARGE', `The request attaches ${given.length} media, more than ${deps.mostCount}`)
  }
  if (bytes > deps.mostBytes) {
    throw new AgentOSError('BODY_TOO_LARGE', `The request attaches ${bytes} bytes, more than ${deps.mostBytes}`)
  }
  for (const { stored, pieces } of given) {
    if (stored !== undefined && pieces !== undefined) await storeContent(deps.db, { ...stored, pieces: pieces() })
  }
  return given.map(({ pieces: _, ...media }) => media)
}

function fromUpload({ filename, mimeType, path, bytes, sha256 }: Upload, about: Json | undefined, ids: Ids): Given {
  const type = mediaTypeOf(mimeType, filename)
  // The words are Agno's; clients compare them.
  if (type === undefined) throw new AgentOSError('MEDIA_UNSUPPORTED', 'Unsupported file type')
  if (bytes === 0) throw new AgentOSError('INVALID_REQUEST', 'Empty file')
  const format = extensionOf(filename)
  const details = {
    ...(format !== undefined && { format }),
    ...(isJsonObject(about) && { metadata: about }),
  }
  return {
    id: ids.uuid(),
    ...type,
    ...(filename !== '' && { name: filename }),
    stored: { hash: sha256, bytes },
    ...(Object.keys(details).length > 0 && { details }),
    pieces: () => createReadStream(path),
  }
}

function fromJson(item: Json, kind: MediaKind, at: string, ids: Ids): Given {
  if (!isJsonObject(item)) throw new AgentOSError('INVALID_REQUEST', `${at} must be an object`)
  const name = textOf(item, 'filename')
  const kept = Object.entries(item).filter(([key, value]) => DETAILS.includes(key) && value !== null)
  const details = Object.fromEntries(kept)
  const base = {
    id: ids.uuid(),
    kind,
    ...(name !== undefined && { name }),
    ...(kept.length > 0 && { details }),
  }
  const source = sourceOf(item, at)
  if (source.type === 'url') {
    return { ...base, mimeType: chooseType(item, kind, undefined, urlName(source.url), at), url: source.url }
  }
  const { bytes } = source
  if (bytes.length === 0) throw new AgentOSError('INVALID_REQUEST', 'Empty file')
  const hash = createHash('sha256').update(bytes).digest('hex')
  const mimeType = source.mimeType ?? chooseType(item, kind, bytes, name, at)
  return { ...base, mimeType, stored: { hash, bytes: bytes.length }, pieces: () => [bytes] }
}

type Source =
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array; readonly mimeType?: string }

/** As in Agno exactly one of them; a path would be one of this machine, which callers have no business with. */
function sourceOf(item: JsonObject, at: string): Source {
  if (textOf(item, 'filepath') !== undefined) {
    throw new AgentOSError('INVALID_REQUEST', `${at}: filepath is not taken; send the content or a url`)
  }
  const url = textOf(item, 'url')
  const content = textOf(item, 'content')
  if ((url === undefined) === (content === undefined)) {
    throw new AgentOSError('INVALID_REQUEST', `${at} needs either content or url`)
  }
  if (content !== undefined) return { type: 'bytes', bytes: decode(item, content, at) }
  const data = /^data:([^;,]*)(?:;[^,]*)?;base64,(.*)$/s.exec(url ?? '')
  if (data !== null) {
    const mimeType = mediaTypeOf(data[1], undefined)?.mimeType
    return { type: 'bytes', bytes: fromBase64(data[2] ?? '', at), ...(mimeType !== undefined && { mimeType }) }
  }
  const parsed = URL.parse(url ?? '')
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new AgentOSError('INVALID_REQUEST', `${at}: url must be http, https or data in base64`)
  }
  return { type: 'url', url: parsed.href }
}

/** As Agno's clients write it: texts as they are, everything else in base64. */
function decode(item: JsonObject, content: string, at: string): Uint8Array {
  return textOf(item, 'mime_type')?.startsWith('text/') === true ? Buffer.from(content) : fromBase64(content, at)
}

function fromBase64(text: string, at: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new AgentOSError('INVALID_REQUEST', `${at}: content is not base64`, { cause })
  }
}

function chooseType(
  item: JsonObject,
  kind: MediaKind,
  bytes: Uint8Array | undefined,
  name: string | undefined,
  at: string,
): string {
  const said = textOf(item, 'mime_type')
  const type =
    said === undefined
      ? (byExtension(textOf(item, 'format')) ?? byExtension(extensionOf(name)) ?? (bytes && sniffType(bytes)))
      : mediaTypeOf(said, name)
  if (said !== undefined && type === undefined) {
    throw new AgentOSError('MEDIA_UNSUPPORTED', `Unsupported file type: ${at} says it is ${JSON.stringify(said)}`)
  }
  return fits(type, kind) ? type.mimeType : FALLBACK[kind]
}

/** A document may be anything that is known; the others are what their list says. */
function fits(type: MediaType | undefined, kind: MediaKind): type is MediaType {
  return type !== undefined && (kind === 'file' || type.kind === kind)
}

function urlName(url: string): string | undefined {
  return URL.parse(url)?.pathname
}

function textOf(item: JsonObject, key: string): string | undefined {
  const value = item[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}
