/**
 * The tables of readers and chunkers: names, what each can read, how it may be cut, defaults. Data only, for the
 * configuration that clients are shown and for the checks of a request; the code stands in `readers/` and `chunkers/`.
 * @module
 */
import type { ChunkerInfo, ChunkerKey, ReaderInfo, ReaderKey } from '../base/document.ts'

/** As Agno's; CodeChunker has its own. */
const CHUNK_SIZE = 5000

const PROSE = ['DocumentChunker', 'FixedSizeChunker', 'RecursiveChunker'] as const
const THINKING = ['SemanticChunker', 'AgenticChunker'] as const
const PAGES = [...PROSE, 'CodeChunker', ...THINKING] as const
const TEXTS = [
  'FixedSizeChunker',
  'RecursiveChunker',
  'DocumentChunker',
  'CodeChunker',
  'MarkdownChunker',
  'RowChunker',
  ...THINKING,
] as const
const TABLES = [
  'RowChunker',
  'FixedSizeChunker',
  'DocumentChunker',
  'RecursiveChunker',
  'CodeChunker',
  'AgenticChunker',
] as const
const WEB = ['FixedSizeChunker', 'RecursiveChunker', 'DocumentChunker', 'CodeChunker', ...THINKING] as const

const READERS: Readonly<Record<ReaderKey, Omit<ReaderInfo, 'id'>>> = {
  website: {
    name: 'WebsiteReader',
    description: 'Reads a website: a page, and the pages of the same host that it links to',
    chunkers: WEB,
    contentTypes: ['url'],
  },
  html: {
    name: 'HtmlReader',
    description: 'Reads the text of one web page, or of an HTML file',
    chunkers: WEB,
    contentTypes: ['url', '.html', '.htm', '.xhtml'],
  },
  csv: {
    name: 'CsvReader',
    description: 'Reads tables in CSV, whatever their separator, row by row',
    chunkers: TABLES,
    contentTypes: ['.csv', '.tsv'],
  },
  docx: {
    name: 'DocxReader',
    description: 'Reads the text of Word documents',
    chunkers: PAGES,
    contentTypes: ['.docx', '.docm', '.dotx'],
  },
  excel: {
    name: 'ExcelReader',
    description: 'Reads Excel workbooks, sheet by sheet and row by row',
    chunkers: TABLES,
    contentTypes: ['.xlsx', '.xlsm'],
  },
  field_labeled_csv: {
    name: 'FieldLabeledCsvReader',
    description: 'Reads each row of a CSV table as lines of "field: value"',
    chunkers: [],
    contentTypes: ['.csv', '.tsv'],
  },
  json: {
    name: 'JsonReader',
    description: 'Reads JSON, each item of a list by itself, and JSON Lines',
    chunkers: WEB,
    contentTypes: ['.json', '.jsonl', '.ndjson'],
  },
  llms_txt: {
    name: 'LLMsTxtReader',
    description: 'Reads an llms.txt file and the pages that it links to',
    chunkers: WEB,
    contentTypes: ['url'],
  },
  markdown: {
    name: 'MarkdownReader',
    description: 'Reads Markdown and knows the heading of each chunk',
    chunkers: ['MarkdownChunker', ...TEXTS.filter((key) => key !== 'MarkdownChunker' && key !== 'RowChunker')],
    contentTypes: ['.md', '.markdown', '.mdx'],
  },
  pdf: {
    name: 'PdfReader',
    description: 'Reads the text of PDF documents, page by page; it does not recognise text in images',
    chunkers: PAGES,
    contentTypes: ['.pdf'],
  },
  pptx: {
    name: 'PptxReader',
    description: 'Reads the text and the notes of PowerPoint presentations',
    chunkers: PAGES,
    contentTypes: ['.pptx', '.pptm', '.ppsx', '.potx'],
  },
  sitemap: {
    name: 'SitemapReader',
    description: 'Reads the pages that the sitemap of a website lists',
    chunkers: WEB,
    contentTypes: ['url'],
  },
  text: {
    name: 'TextReader',
    description: 'Reads plain text and source code in any usual encoding',
    chunkers: TEXTS,
    contentTypes: ['text', '.txt', '.text', '.log'],
  },
}

const WITH_OVERLAP = { chunkSize: CHUNK_SIZE, chunkOverlap: 0 } as const

const CHUNKERS: Readonly<Record<ChunkerKey, Omit<ChunkerInfo, 'key' | 'name'>>> = {
  AgenticChunker: {
    description: 'Asks a model where each chunk should end',
    chunkSize: CHUNK_SIZE,
    needs: 'complete',
  },
  CodeChunker: {
    description: 'Cuts source code where a declaration begins, as its indentation shows',
    chunkSize: 2048,
    chunkOverlap: 0,
  },
  DocumentChunker: { description: 'Puts whole paragraphs together, as many as fit', ...WITH_OVERLAP },
  RecursiveChunker: { description: 'Cuts between paragraphs, else lines, else sentences, else words', ...WITH_OVERLAP },
  SemanticChunker: {
    description: 'Cuts where the meaning changes, by the embeddings of sentences',
    chunkSize: CHUNK_SIZE,
    needs: 'embed',
  },
  FixedSizeChunker: { description: 'Fills each chunk to the size and cuts between words', ...WITH_OVERLAP },
  RowChunker: { description: 'Makes a chunk of each row or line', chunkSize: CHUNK_SIZE },
  MarkdownChunker: { description: 'Cuts Markdown before headings, else between paragraphs', ...WITH_OVERLAP },
}

/** Every reader, those of websites first. */
export function describeReaders(): readonly ReaderInfo[] {
  // The keys of a Record are what its type says.
  return (Object.keys(READERS) as ReaderKey[]).map(describeReader)
}

export function describeReader(id: ReaderKey): ReaderInfo {
  return { id, ...READERS[id] }
}

export function describeChunkers(): readonly ChunkerInfo[] {
  // The keys of a Record are what its type says.
  return (Object.keys(CHUNKERS) as ChunkerKey[]).map(describeChunker)
}

export function describeChunker(key: ChunkerKey): ChunkerInfo {
  return { key, name: key, ...CHUNKERS[key] }
}

/** Which readers can read what: `url` and extensions with their dot, the default reader of each first. */
export function readersForType(): Readonly<Record<string, readonly ReaderKey[]>> {
  const byType: Record<string, ReaderKey[]> = {}
  for (const { id, contentTypes } of describeReaders()) for (const type of contentTypes) (byType[type] ??= []).push(id)
  return byType
}
