/**
 * What kind of medium a file is, by the type its sender says and by its name. The lists are Agno's. Pure.
 * @module
 */
import type { MediaKind } from '../../base/media.ts'

type Listed = readonly [extensions: string, mimeType: string, ...others: string[]]

/** By kind: extensions, the type they stand for, other names of that type. */
const KNOWN: Readonly<Record<MediaKind, readonly Listed[]>> = {
  image: [
    ['png', 'image/png'],
    ['jpg jpeg', 'image/jpeg', 'image/jpg'],
    ['gif', 'image/gif'],
    ['webp', 'image/webp'],
    ['bmp', 'image/bmp'],
    ['tiff tif', 'image/tiff', 'image/tif'],
    ['avif', 'image/avif'],
    ['heic', 'image/heic'],
    ['heif', 'image/heif'],
  ],
  audio: [
    ['wav', 'audio/wav', 'audio/wave', 'audio/x-wav', 'audio/vnd.wave'],
    ['mp3', 'audio/mpeg', 'audio/mp3'],
    ['ogg', 'audio/ogg'],
    ['m4a', 'audio/mp4', 'audio/m4a', 'audio/x-m4a'],
    ['aac', 'audio/aac'],
    ['flac', 'audio/flac', 'audio/x-flac'],
  ],
  video: [
    ['flv', 'video/x-flv'],
    ['mov', 'video/quicktime'],
    ['mpeg mpg', 'video/mpeg', 'video/mpegs', 'video/mpgs', 'video/mpg'],
    ['mp4', 'video/mp4'],
    ['webm', 'video/webm'],
    ['wmv', 'video/wmv', 'video/x-ms-wmv'],
    ['3gp', 'video/3gpp'],
  ],
  file: [
    ['pdf', 'application/pdf'],
    ['json', 'application/json'],
    ['js', 'text/javascript', 'application/x-javascript', 'application/javascript'],
    ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    ['pptx', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
    ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['doc', 'application/msword'],
    ['ppt', 'application/vnd.ms-powerpoint'],
    ['xls', 'application/vnd.ms-excel'],
    ['msg', 'application/vnd.ms-outlook'],
    ['zip', 'application/zip', 'application/x-zip', 'application/x-zip-compressed'],
    ['eml', 'message/rfc822'],
    ['py', 'text/x-python', 'application/x-python'],
    ['txt', 'text/plain'],
    ['html htm', 'text/html'],
    ['css', 'text/css'],
    ['md markdown', 'text/markdown'],
    ['csv', 'text/csv'],
    ['xml', 'text/xml', 'application/xml'],
    ['rtf', 'text/rtf', 'application/rtf'],
  ],
}

export type MediaType = { readonly kind: MediaKind; readonly mimeType: string }

const KINDS = Object.keys(KNOWN) as readonly MediaKind[] // The keys of a record of all kinds.
const TYPES = KINDS.flatMap((kind) => KNOWN[kind].map(([extensions, ...names]) => ({ kind, extensions, names })))
const BY_NAME: ReadonlyMap<string, MediaType> = new Map(
  TYPES.flatMap(({ kind, names }) => names.map((name) => [name, { kind, mimeType: names[0] }] as const)),
)
const BY_EXTENSION: ReadonlyMap<string, MediaType> = new Map(
  TYPES.flatMap(({ kind, extensions, names: [mimeType] }) =>
    extensions.split(' ').map((extension) => [extension, { kind, mimeType }] as const),
  ),
)

/** What browsers say of a file that they do not know. */
const NO_TYPE: readonly (string | undefined)[] = [undefined, '', 'application/octet-stream']

/**
 * @param said the type that its sender says; what says nothing is known by its name
 * @returns undefined for a type that is not taken
 */
export function mediaTypeOf(said: string | undefined, filename: string | undefined): MediaType | undefined {
  const type = said?.split(';')[0]?.trim().toLowerCase()
  return NO_TYPE.includes(type) ? byExtension(extensionOf(filename)) : BY_NAME.get(type ?? '')
}

/** @param extension with or without its dot, in any case */
export function byExtension(extension: string | undefined): MediaType | undefined {
  return BY_EXTENSION.get(extension?.replace(/^\./, '').toLowerCase() ?? '')
}

/** In lower case, without the dot; undefined for a name without one. */
export function extensionOf(filename: string | undefined): string | undefined {
  return /\.([^./\\]+)$/.exec(filename ?? '')?.[1]?.toLowerCase()
}

/** The first bytes of kinds that people send without saying what they are. */
const BEGINNINGS: readonly (readonly [beginning: string, mimeType: string])[] = [
  ['\x89PNG\r\n', 'image/png'],
  ['\xff\xd8\xff', 'image/jpeg'],
  ['GIF8', 'image/gif'],
  ['%PDF-', 'application/pdf'],
  ['ID3', 'audio/mpeg'],
  ['OggS', 'audio/ogg'],
  ['fLaC', 'audio/flac'],
]

/** What the bytes themselves say; undefined when they say nothing that is known here. */
export function sniffType(bytes: Uint8Array): MediaType | undefined {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1')
  const [, found] = BEGINNINGS.find(([beginning]) => head.startsWith(beginning)) ?? []
  const inRiff = head.startsWith('RIFF') ? { WEBP: 'image/webp', WAVE: 'audio/wav' }[head.slice(8, 12)] : undefined
  return BY_NAME.get(found ?? inRiff ?? '')
}
