/**
 * From the sections of a document to its chunks: cuts each, says where each chunk begins, numbers them.
 * @module
 */
import type { Chunk, ChunkerKey, ChunkMetadata, DocumentLimits } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { agenticChunker } from './chunkers/agentic.ts'
import type { Chunker, ChunkerOptions } from './chunkers/chunker.ts'
import { codeChunker } from './chunkers/code.ts'
import { markdownChunker } from './chunkers/markdown.ts'
import { documentChunker, fixedSizeChunker, recursiveChunker } from './chunkers/prose.ts'
import { rowChunker } from './chunkers/rows.ts'
import { semanticChunker } from './chunkers/semantic.ts'
import type { Section } from './section.ts'

const CHUNKERS: Readonly<Record<ChunkerKey, Chunker>> = {
  AgenticChunker: agenticChunker,
  CodeChunker: codeChunker,
  DocumentChunker: documentChunker,
  RecursiveChunker: recursiveChunker,
  SemanticChunker: semanticChunker,
  FixedSizeChunker: fixedSizeChunker,
  RowChunker: rowChunker,
  MarkdownChunker: markdownChunker,
}

/** A batch ends at so many chunks, or at so many UTF-16 units of text. */
const BATCH_CHUNKS = 64
const BATCH_UNITS = 262_144

/** Batches of chunks, in order. @throws {AgentOSError} DOCUMENT_TOO_LARGE */
export async function* chunkSections(
  sections: AsyncIterable<Section>,
  chunker: ChunkerKey,
  options: ChunkerOptions,
  limits: Pick<DocumentLimits, 'chunks'>,
): AsyncGenerator<readonly Chunk[]> {
  let index = 0
  let units = 0
  let batch: Chunk[] = []
  for await (const section of sections) {
    const locate = createLocator(section)
    for await (const piece of CHUNKERS[chunker](section.text, options)) {
      if (index >= limits.chunks) {
        throw new AgentOSError('DOCUMENT_TOO_LARGE', `The document makes more than ${limits.chunks} chunks`)
      }
      batch.push({ index, text: piece.text, metadata: locate(piece.start) })
      index += 1
      units += piece.text.length
      if (batch.length < BATCH_CHUNKS && units < BATCH_UNITS) continue
      yield batch
      batch = []
      units = 0
    }
  }
  if (batch.length > 0) yield batch
}

/** What is known of a place of the section. Asked in order, so that no mark and no line is looked at twice. */
function createLocator({ text, metadata, marks = [], firstRow }: Section): (at: number) => ChunkMetadata {
  let passed = 0
  let marked: ChunkMetadata = {}
  let row = firstRow ?? 0
  let counted = 0
  return (at) => {
    for (let mark = marks[passed]; mark !== undefined && mark.at <= at; mark = marks[++passed]) marked = mark.metadata
    if (firstRow === undefined) return { ...metadata, ...marked }
    // Overlapping chunks begin before the end of the one before them, but never before its beginning.
    for (let end = text.indexOf('\n', counted); end !== -1 && end < at; end = text.indexOf('\n', counted)) {
      row += 1
      counted = end + 1
    }
    return { ...metadata, ...marked, row }
  }
}
