/**
 * What files are: by their first bytes, by their name, by the type that their sender declares.
 * @module
 */
import type { ReaderKey } from '../base/document.ts'
import { guessUtf16 } from './decode.ts'

/** What the bytes are, as far as they show it. `text` is all that has no mark of its own. */
export type ByteKind = 'pdf' | 'zip' | 'ole' | 'text' | { readonly other: string }

const PDF_WITHIN_BYTES = 1024
const SAMPLE_BYTES = 8192

const SIGNATURES: readonly { readonly hex: string; readonly at?: number; readonly kind: ByteKind }[] = [
  { hex: '504b0304', kind: 'zip' },
  { hex: '504b0506', kind: 'zip' },
  { hex: 'd0cf11e0a1b11ae1', kind: 'ole' },
  { hex: '89504e470d0a1a0a', kind: { other: 'a PNG image' } },
  { hex: 'ffd8ff', kind: { other: 'a JPEG image' } },
  { hex: '47494638', kind: { other: 'a GIF image' } },
  { hex: '49492a00', kind: { other: 'a TIFF image' } },
  { hex: '4d4d002a', kind: { other: 'a TIFF image' } },
  { hex: '57454250', at: 8, kind: { other: 'a WebP image' } },
  { hex: '57415645', at: 8, kind: { other: 'a WAV recording' } },
  { hex: '66747970', at: 4, kind: { other: 'a video, a recording or an image of a phone' } },
  { hex: '494433', kind: { other: 'an MP3 recording' } },
  { hex: '4f676753', kind: { other: 'an Ogg recording' } },
  { hex: '1a45dfa3', kind: { other: 'a Matroska video' } },
  { hex: '1f8b', kind: { other: 'a gzip archive' } },
  { hex: '425a68', kind: { other: 'a bzip2 archive' } },
  { hex: '377abcaf271c', kind: { other: 'a 7-Zip archive' } },
  { hex: '526172211a07', kind: { other: 'a RAR archive' } },
  { hex: '28b52ffd', kind: { other: 'a Zstandard archive' } },
  { hex: '7f454c46', kind: { other: 'a program' } },
  { hex: '4d5a9000', kind: { other: 'a program' } },
  { hex: '53514c69746520666f726d6174', kind: { other: 'an SQLite database' } },
]

/** `{\rtf` */
const RTF = '7b5c727466'

export function kindOfBytes(bytes: Uint8Array): ByteKind {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SAMPLE_BYTES))
  const found = SIGNATURES.find(({ hex, at = 0 }) => head.toString('hex', at, at + hex.length / 2) === hex)
  if (found !== undefined) return found.kind
  if (head.subarray(0, PDF_WITHIN_BYTES).includes('%PDF-')) return 'pdf'
  if (head.toString('hex', 0, RTF.length / 2) === RTF) return { other: 'a document in Rich Text Format' }
  return isText(head) ? 'text' : { other: 'binary data' }
}

function isText(head: Buffer): boolean {
  const isMarked = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)
  if (isMarked || guessUtf16(head.subarray(0, head.length & ~1)) !== undefined) return true
  return !head.includes(0)
}

/** What a ZIP archive or a container of old Office documents is, by what is in it. */
export function kindOfArchive(names: readonly string[]): 'docx' | 'pptx' | 'excel' | undefined {
  if (names.includes('word/document.xml')) return 'docx'
  if (names.includes('ppt/presentation.xml')) return 'pptx'
  return names.includes('xl/workbook.xml') ? 'excel' : undefined
}

/** Office documents with a password are OLE containers with an entry of this name, in UTF-16. */
export function isEncryptedOffice(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('EncryptedPackage', 0, 'utf16le')
}

const READER_OF_EXTENSION: Readonly<Record<string, ReaderKey>> = {
  pdf: 'pdf',
  docx: 'docx',
  docm: 'docx',
  dotx: 'docx',
  pptx: 'pptx',
  pptm: 'pptx',
  ppsx: 'pptx',
  potx: 'pptx',
  xlsx: 'excel',
  xlsm: 'excel',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
  md: 'markdown',
  markdown: 'markdown',
  mdx: 'markdown',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  txt: 'text',
  text: 'text',
  log: 'text',
}

const READER_OF_TYPE: Readonly<Record<string, ReaderKey>> = {
  'application/pdf': 'pdf',
  'application/x-pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'excel',
  'text/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/csv': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'json',
  'application/jsonl': 'json',
  'text/markdown': 'markdown',
  'text/x-markdown': 'markdown',
  'text/html': 'html',
  'application/xhtml+xml': 'html',
}

const LANGUAGES: Readonly<Record<string, string>> = {
  c: 'c',
  h: 'c',
  cc: 'cpp',
  cpp: 'cpp',
  hpp: 'cpp',
  cs: 'csharp',
  css: 'css',
  go: 'go',
  java: 'java',
  js: 'javascript',
  cjs: 'javascript',
  mjs: 'javascript',
  jsx: 'javascript',
  kt: 'kotlin',
  lua: 'lua',
  php: 'php',
  pl: 'perl',
  ps1: 'powershell',
  py: 'python',
  r: 'r',
  rb: 'ruby',
  rs: 'rust',
  scala: 'scala',
  sh: 'shell',
  bash: 'shell',
  sql: 'sql',
  swift: 'swift',
  ts: 'typescript',
  mts: 'typescript',
  cts: 'typescript',
  tsx: 'typescript',
  tf: 'terraform',
  toml: 'toml',
  vue: 'vue',
  xml: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
  zig: 'zig',
}

/** Without its dot, in small letters; empty when there is none. */
export function extensionOf(filename: string): string {
  return /\.([A-Za-z0-9]{1,10})$/.exec(filename)?.[1]?.toLowerCase() ?? ''
}

export function readerOfExtension(extension: string): ReaderKey | undefined {
  return Object.hasOwn(READER_OF_EXTENSION, extension) ? READER_OF_EXTENSION[extension] : undefined
}

/** @param mimeType without parameters, in small letters */
export function readerOfType(mimeType: string): ReaderKey | undefined {
  return Object.hasOwn(READER_OF_TYPE, mimeType) ? READER_OF_TYPE[mimeType] : undefined
}

/** Of source code, by the name of its file. */
export function languageOf(filename: string): string | undefined {
  const extension = extensionOf(filename)
  return Object.hasOwn(LANGUAGES, extension) ? LANGUAGES[extension] : undefined
}
