/**
 * Which reader a document needs. The bytes have the last word; a name or a type that says something else about them is a
 * mistake of its sender, who is told so instead of getting the text of a login page as that of a report.
 * @module
 */
import type { ReaderKey } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import {
  type ByteKind,
  extensionOf,
  isEncryptedOffice,
  kindOfArchive,
  kindOfBytes,
  readerOfExtension,
  readerOfType,
} from './file-types.ts'
import { openArchive } from './zip.ts'

export type Sighting = {
  readonly bytes: Uint8Array
  readonly filename: string
  /** Without parameters, in small letters; empty when nobody declared one. */
  readonly mimeType: string
  readonly asked: ReaderKey | undefined
  /** What to call it in messages. */
  readonly called: string
}

const NAMES: Readonly<Record<'pdf' | 'docx' | 'pptx' | 'excel', string>> = {
  pdf: 'a PDF document',
  docx: 'a Word document',
  pptx: 'a PowerPoint presentation',
  excel: 'an Excel workbook',
}
type BinaryReader = keyof typeof NAMES

/** Types that say nothing. */
const VAGUE_TYPES = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'application/x-download'])

/**
 * @throws {AgentOSError} DOCUMENT_EMPTY, DOCUMENT_ENCRYPTED, DOCUMENT_UNSUPPORTED, DOCUMENT_TYPE_MISMATCH, and
 * DOCUMENT_CORRUPT for an archive that cannot be opened
 */
export function chooseReader(sighting: Sighting): ReaderKey {
  const { bytes, called } = sighting
  if (bytes.length === 0) throw new AgentOSError('DOCUMENT_EMPTY', `${called} is empty`)
  const found = binaryReaderOf(kindOfBytes(bytes), sighting)
  const claimed = claimOf(sighting)
  if (found === undefined) {
    if (claimed !== undefined && isBinary(claimed.reader)) throw mismatch(sighting, claimed, 'text')
    return sighting.asked ?? readerOfText(sighting)
  }
  if (claimed !== undefined && claimed.reader !== found) throw mismatch(sighting, claimed, NAMES[found])
  return found
}

type Claim = { readonly reader: ReaderKey | 'other'; readonly by: string }

/** What its sender says it is: by the reader, the name or the type, the first that says something. */
function claimOf({ asked, filename, mimeType }: Sighting): Claim | undefined {
  if (asked !== undefined) return { reader: asked, by: `reader "${asked}" was asked for` }
  const byName = readerOfExtension(extensionOf(filename))
  const byType = claimOfType(mimeType)
  // Two texts are told apart by the name, which people choose; the type often is only "text/plain".
  if (byType !== undefined && (byName === undefined || isBinary(byName) || isBinary(byType.reader))) return byType
  return byName === undefined ? undefined : { reader: byName, by: 'its name says otherwise' }
}

function claimOfType(mimeType: string): Claim | undefined {
  if (VAGUE_TYPES.has(mimeType)) return undefined
  const reader = readerOfType(mimeType) ?? (/^(image|audio|video|font)\//.test(mimeType) ? 'other' : undefined)
  return reader === undefined ? undefined : { reader, by: `it was sent as ${mimeType}` }
}

function isBinary(reader: ReaderKey | 'other'): boolean {
  return reader === 'other' || Object.hasOwn(NAMES, reader)
}

function binaryReaderOf(kind: ByteKind, { bytes, called }: Sighting): BinaryReader | undefined {
  if (kind === 'text') return undefined
  if (kind === 'pdf') return 'pdf'
  if (kind === 'zip') {
    const found = kindOfArchive(openArchive(bytes, 0).names)
    if (found === undefined)
      throw new AgentOSError('DOCUMENT_UNSUPPORTED', `${called} is a ZIP archive; send what is in it`)
    return found
  }
  if (kind !== 'ole')
    throw new AgentOSError('DOCUMENT_UNSUPPORTED', `${called} is ${kind.other}, which has no text to read`)
  if (isEncryptedOffice(bytes)) throw new AgentOSError('DOCUMENT_ENCRYPTED', `${called} is protected by a password`)
  throw new AgentOSError(
    'DOCUMENT_UNSUPPORTED',
    `${called} is a document of an Office before 2007; save it as .docx, .xlsx or .pptx`,
  )
}

function readerOfText({ bytes, filename, mimeType }: Sighting): ReaderKey {
  const byName = readerOfExtension(extensionOf(filename))
  if (byName !== undefined) return byName
  const byType = readerOfType(mimeType)
  if (byType !== undefined) return byType
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1024)).toString('latin1')
  return /^[\s\u00ef\u00bb\u00bf]*<(!doctype html|html|head|body)\b/i.test(head) ? 'html' : 'text'
}

function mismatch({ called }: Sighting, { by }: Claim, found: string): AgentOSError {
  return new AgentOSError('DOCUMENT_TYPE_MISMATCH', `${called} is ${found}, but ${by}`)
}
