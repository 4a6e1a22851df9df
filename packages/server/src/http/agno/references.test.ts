import { expect, test } from 'vitest'
import type { AssistantMessage, Message } from '../../base/message.ts'
import type { Source } from '../../base/source.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { citedIn, toCitations, toRunReferences } from './references.ts'

const reply = (citations: readonly Source[]): AssistantMessage => {
  return { role: 'assistant', id: 'a', createdAt: 0, parts: [], usage: NO_USAGE, citations }
}
const page: Source = { type: 'url', url: 'https://x.example/a', title: 'A' }
const quoted: Source = { type: 'document', title: 'B', fileName: 'b.pdf', citedText: 'so it is' }

test('shows what was looked up, with seconds to a tenth of a millisecond', () => {
  const content = 'Hi\n[{"name":"a"},"b"]'
  const asked: Message = {
    role: 'user',
    id: 'u',
    createdAt: 0,
    content,
    retrieval: { query: 'Hi', durationMs: 12.3456, from: 3, to: content.length },
  }
  expect(toRunReferences([asked])).toEqual([{ query: 'Hi', references: [{ name: 'a' }, 'b'], time: 0.0123 }])
})

test('shows nothing of a result that is no list any more', () => {
  const retrieval = { query: 'Hi', durationMs: 1, from: 0, to: 4 }
  expect(toRunReferences([{ role: 'user', id: 'u', createdAt: 0, content: '[{"a', retrieval }])).toEqual([])
})

test('shows each source that the replies cite once, pages and documents apart', () => {
  const sources = citedIn([reply([page, quoted]), reply([page, { type: 'url', url: 'https://y.example' }])])
  expect(toCitations(sources)).toEqual({
    citations: {
      urls: [{ url: 'https://x.example/a', title: 'A' }, { url: 'https://y.example' }],
      documents: [{ document_title: 'B', cited_text: 'so it is', file_name: 'b.pdf' }],
    },
  })
  expect(toCitations([])).toEqual({})
})
