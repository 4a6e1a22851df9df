/**
 * What the documents of Office have in common: parts in an archive, and relationships between parts.
 * @module
 */
import { posix } from 'node:path'
import { AgentOSError } from '../../base/errors.ts'
import type { Archive } from '../zip.ts'
import { parseXml } from '../xml.ts'

/** Part names by relationship id. Those that lead out of the document are left out. */
export type Relationships = ReadonlyMap<string, { readonly part: string; readonly type: string }>

/** @throws {AgentOSError} DOCUMENT_CORRUPT when the part is missing, and as `Archive.read` */
export function readPart(archive: Archive, part: string): Uint8Array {
  const bytes = archive.read(part)
  if (bytes === undefined) throw new AgentOSError('DOCUMENT_CORRUPT', `The document is damaged: it has no ${part}`)
  return bytes
}

export function readRelationships(archive: Archive, part: string): Relationships {
  const folder = posix.dirname(part)
  const found = new Map<string, { readonly part: string; readonly type: string }>()
  const bytes = archive.read(`${folder}/_rels/${posix.basename(part)}.rels`)
  if (bytes === undefined) return found
  parseXml(bytes, {
    open: (name, { Id: id, Target: target, Type: type = '', TargetMode: mode }) => {
      if (name !== 'Relationship' || id === undefined || target === undefined || mode === 'External') return
      // A target that begins with a slash counts from the root of the archive.
      const path = target.startsWith('/') ? target.slice(1) : posix.join(folder, target)
      found.set(id, { part: path, type: type.slice(type.lastIndexOf('/') + 1) })
    },
  })
  return found
}
