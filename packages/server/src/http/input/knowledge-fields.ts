/**
 * Fields of knowledge forms as values: metadata, reader, chunker. What is wrong is refused by its name.
 * @module
 */
import { CHUNKER_KEYS, isChunkerKey, isReaderKey, READER_KEYS, type ReaderKey } from '../../base/document.ts'
import { AgentOSError } from '../../base/errors.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../base/json.ts'
import type { ReadSettings } from '../../base/knowledge.ts'
import { findBadText } from './text.ts'

/**
 * @returns the object that `text` is as JSON; anything else under the key `value`, as Agno has it
 * @throws {AgentOSError} INVALID_REQUEST
 */
export function readMetadata(text: string | undefined): JsonObject | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const value = parseJson(text)
  if (value === null) return undefined
  const metadata = isJsonObject(value) ? value : { value: value ?? text }
  const problem = findBadText({ metadata }, 'body')
  if (problem !== undefined) throw new AgentOSError('INVALID_REQUEST', `metadata: ${problem.msg}`)
  return metadata
}

/** @throws {AgentOSError} INVALID_REQUEST for text that is no JSON object */
export function readStrictMetadata(text: string | undefined): JsonObject | undefined {
  if (text === undefined || text.trim() === '') return undefined
  if (!isJsonObject(parseJson(text))) {
    throw new AgentOSError('INVALID_REQUEST', 'Invalid JSON format for metadata: it must be a JSON object')
  }
  return readMetadata(text)
}

/** @throws {AgentOSError} INVALID_REQUEST naming those that there are */
export function readReader(given: string | undefined): ReaderKey | undefined {
  if (given === undefined || given.trim() === '') return undefined
  // Agno's clients also send names: "PdfReader", "pdf-reader".
  const key = given.trim().toLowerCase().replaceAll(/[- ]/g, '_')
  const found = [key, key.replace(/_?reader$/, '')].find(isReaderKey)
  if (found !== undefined) return found
  throw new AgentOSError('INVALID_REQUEST', `Invalid reader_id: ${given}; there are ${READER_KEYS.join(', ')}`)
}

type ReadFields = {
  readonly reader_id?: string | undefined
  readonly chunker?: string | undefined
  readonly chunk_size?: number | undefined
  readonly chunk_overlap?: number | undefined
}

/** @throws {AgentOSError} INVALID_REQUEST */
export function readSettings(fields: ReadFields): ReadSettings {
  const reader = readReader(fields.reader_id)
  const { chunker, chunk_size: chunkSize, chunk_overlap: chunkOverlap } = fields
  if (chunker !== undefined && !isChunkerKey(chunker)) {
    throw new AgentOSError('INVALID_REQUEST', `Invalid chunker: ${chunker}; there are ${CHUNKER_KEYS.join(', ')}`)
  }
  return {
    ...(reader !== undefined && { reader }),
    ...(chunker !== undefined && { chunker }),
    ...(chunkSize !== undefined && { chunkSize }),
    ...(chunkOverlap !== undefined && { chunkOverlap }),
  }
}

/** One address, written plainly or as a JSON text. @throws {AgentOSError} INVALID_REQUEST for several */
export function readUrl(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const value = parseJson(text) ?? text
  if (typeof value === 'string' && value.trim() !== '') return value.trim()
  throw new AgentOSError('INVALID_REQUEST', 'URL must be a single non-empty string; submit each URL separately.')
}
