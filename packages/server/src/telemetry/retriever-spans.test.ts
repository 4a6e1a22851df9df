import { expect, test } from 'vitest'
import type { Message } from '../base/message.ts'
import { attemptSpanId, toolSpanId } from '../base/trace-context.ts'
import { describeAttempt } from './attempt-spans.ts'
import { limitContent } from './span-content.ts'
import { attempt, lostAttempt, MESSAGES } from './testing/attempt.ts'

const DOCUMENTS = [
  { name: 'handbook.pdf', meta_data: { page: 4 }, content: 'Refunds take five days.' },
  'a text of its own',
]
const JSON_TEXT = JSON.stringify(DOCUMENTS, null, 2)

const searched: Message = {
  id: 'search-1',
  createdAt: 1_120,
  role: 'tool',
  toolCallId: 'call_1',
  toolName: 'search_knowledge_base',
  input: { query: 'refunds' },
  content: JSON_TEXT,
  isError: false,
  durationMs: 20,
  retrieval: { query: 'refunds', durationMs: 15, from: 0, to: JSON_TEXT.length },
}
const asked: Message = {
  id: 'question-1',
  createdAt: 1_008,
  role: 'user',
  content: `How long?\n\n<references>\n${JSON_TEXT}\n</references>`,
  retrieval: { query: 'How long?', durationMs: 7, from: 24, to: 24 + JSON_TEXT.length },
}
const messages = [...MESSAGES.slice(0, 1), asked, ...MESSAGES.slice(2, 3), searched, ...MESSAGES.slice(4)]
const searches = (record = attempt({ messages })) => describeAttempt(record).filter(({ kind }) => kind === 'RETRIEVER')

test('what was looked up is a span below its tool, or below the attempt that added references to the message', () => {
  const { runId } = attempt()
  expect(searches().map(({ parentSpanId, startMs, endMs }) => [parentSpanId, startMs, endMs])).toEqual([
    [attemptSpanId(runId, 1), 1_001, 1_008],
    [toolSpanId(runId, 'call_1', 1), 1_105, 1_120],
  ])
  expect(searches()[1]?.attributes).toEqual({
    'openinference.span.kind': 'RETRIEVER',
    'session.id': 'session-1',
    'gen_ai.operation.name': 'retrieval',
    'gen_ai.conversation.id': 'session-1',
    'agentos.retrieval.documents': 2,
    'input.value': 'refunds',
    'input.mime_type': 'text/plain',
    'retrieval.documents.0.document.content': 'Refunds take five days.',
    'retrieval.documents.0.document.metadata': '{"name":"handbook.pdf","page":4}',
    'retrieval.documents.1.document.content': 'a text of its own',
    'retrieval.documents.1.document.metadata': '{}',
  })
})

test('documents are content: who may not have it gets their number only', () => {
  const [, span] = searches()
  const left = span === undefined ? {} : limitContent(span, 'none').attributes
  expect(Object.keys(left).filter((name) => /retrieval|input\.value/.test(name))).toEqual([
    'agentos.retrieval.documents',
  ])
})

test('a long document is cut', () => {
  const text = JSON.stringify([{ content: 'x'.repeat(100_000) }])
  const retrieval = { query: 'refunds', durationMs: 15, from: 0, to: text.length }
  const [span] = searches(attempt({ messages: [{ ...searched, content: text, retrieval }] }))
  expect(String(span?.attributes['retrieval.documents.0.document.content']).length).toBeLessThan(3_000)
})

test('what lost attempts had looked up is told by the one after them, under the same ids', () => {
  const fromMessage = messages.length
  const lostBefore = [lostAttempt({ toMessage: fromMessage })]
  const second = attempt({ messages, attempt: 2, origin: 'recover', fromMessage, lostBefore })
  const found = searches(second)
  expect(found.map(({ spanId }) => spanId)).toEqual(searches().map(({ spanId }) => spanId))
  expect(found.every(({ attributes }) => attributes['agentos.attempt.lost'] === true)).toBe(true)
  expect(searches({ ...second, lostBefore: [] })).toEqual([])
})
