/**
 * Reads documents in the thread of the test.
 * @module
 */
import type { Chunk, DocumentPorts, DocumentRequest } from '../../base/document.ts'
import { AgentOSError } from '../../base/errors.ts'
import { readDocument } from '../read.ts'

export type ReadOptions = { readonly privateUrls?: boolean; readonly ports?: DocumentPorts }

/** All chunks of a document. */
export async function readAll(request: DocumentRequest, options: ReadOptions = {}): Promise<readonly Chunk[]> {
  const { privateUrls = false, ports = {} } = options
  const { signal } = new AbortController()
  const chunks: Chunk[] = []
  for await (const batch of readDocument(request, { policy: { privateUrls }, ports, signal, pauseMs: 0 })) {
    chunks.push(...batch)
  }
  return chunks
}

/** Bytes as an upload of that name. */
export function upload(filename: string, content: Uint8Array | string, mimeType?: string): DocumentRequest {
  const bytes = Buffer.from(content)
  return { source: { kind: 'bytes', bytes, filename, ...(mimeType === undefined ? {} : { mimeType }) } }
}

/** The code and the message that it failed with, as `CODE: message`. */
export async function failureOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading
    return 'no failure'
  } catch (error) {
    return error instanceof AgentOSError ? `${error.code}: ${error.message}` : `unexpected: ${String(error)}`
  }
}
