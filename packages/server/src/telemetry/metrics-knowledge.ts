/**
 * The metrics of knowledge, for the table of all metrics.
 * @module
 */

const READ_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600]
const SEARCH_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const EMBEDDER = ['embedder', 'purpose'] as const

export const KNOWLEDGE_ATTRIBUTES = {
  embedder: 'Embedder, as `provider:id`.',
  purpose: '`document` or `query`.',
  search_type: '`vector`, `keyword` or `hybrid`, as it was done.',
  status: '`processing`, `completed` or `failed`.',
} as const

export const KNOWLEDGE_METRICS = {
  contents: {
    name: 'agentos.knowledge.contents',
    kind: 'gauge',
    unit: '{content}',
    about: 'Contents of all knowledge bases. Every replica tells the same number.',
    attributes: ['status'],
  },
  chunks: {
    name: 'agentos.knowledge.chunks',
    kind: 'gauge',
    unit: '{chunk}',
    about: 'Chunks of all contents. The same on every replica.',
    attributes: [],
  },
  documentDuration: {
    name: 'agentos.knowledge.document.duration',
    kind: 'histogram',
    unit: 's',
    about:
      'From when a document was taken up here to when it left, read, embedded and stored or not. Outcomes: `completed`, `failed`, `retried`.',
    attributes: ['outcome'],
    buckets: READ_SECONDS,
  },
  searchDuration: {
    name: 'agentos.knowledge.search.duration',
    kind: 'histogram',
    unit: 's',
    about: 'Searches of knowledge, with the embedding of the question.',
    attributes: ['search_type'],
    buckets: SEARCH_SECONDS,
  },
  embeddersAlone: {
    name: 'agentos.embedding.left_alone',
    kind: 'updown',
    unit: '{embedder}',
    about: '1 while the embedder does not answer and questions go by their words; absent until that happens.',
    attributes: ['embedder'],
  },
  embeddingDuration: {
    name: 'agentos.embedding.duration',
    kind: 'histogram',
    unit: 's',
    about: 'Calls to the providers of embedders. Outcomes: `completed`, `error`.',
    attributes: [...EMBEDDER, 'outcome'],
    buckets: SEARCH_SECONDS,
  },
  embeddingTexts: {
    name: 'agentos.embedding.texts',
    kind: 'counter',
    unit: '{text}',
    about: 'Texts that were embedded.',
    attributes: [...EMBEDDER],
  },
  embeddingTokens: {
    name: 'agentos.embedding.tokens',
    kind: 'counter',
    unit: '{token}',
    about: 'Tokens that were embedded, as providers count them.',
    attributes: [...EMBEDDER],
  },
} as const
