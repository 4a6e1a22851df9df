import { describe, expect, test } from 'vitest'
import type { Message } from '../../base/message.ts'
import type { ModelRequest, ModelTool } from '../model.ts'
import { quoteDocuments } from './quote.ts'
import { nextTurn } from './turn.ts'

const SEARCH: ModelTool = {
  name: 'search_knowledge_base',
  description: 'Searches the knowledge base and returns the documents that fit a query best.',
  parameters: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
}
const WEATHER: ModelTool = {
  name: 'get_weather',
  description: 'Get the current weather for a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const DOCUMENTS = JSON.stringify([
  {
    name: 'refunds.md',
    meta_data: { page: 2 },
    content: '# Refunds\n\nA refund takes five working days. It goes to the card that was charged.',
  },
  { name: 'shipping.md', meta_data: {}, content: 'Shipping is free above 50 euros.' },
])

const user = (content: string): Message => ({ role: 'user', id: 'u', createdAt: 0, content })
const ask = (message: Message, more: readonly Message[] = [], tools: readonly ModelTool[] = [SEARCH, WEATHER]) => {
  const request: ModelRequest = {
    messages: [message, ...more],
    tools,
    toolChoice: 'auto',
    output: undefined,
    settings: {},
  }
  return nextTurn(request)
}
const result = (content: string): Message => {
  const call = { toolCallId: 'c', toolName: SEARCH.name, input: { query: 'x' }, durationMs: 1 }
  return { role: 'tool', id: 't', createdAt: 0, ...call, content, isError: false }
}

describe('the demo model with knowledge', () => {
  test('searches for what no other tool answers, in the words of the user', () => {
    expect(ask(user('How long does a refund take?'))).toEqual({
      type: 'calls',
      calls: [{ toolName: 'search_knowledge_base', input: { query: 'How long does a refund take?' } }],
    })
  })

  test.each(['Hello!', 'What is 3 times 4?', 'my name is Ada', 'thanks'])('does not search for "%s"', (text) => {
    expect(ask(user(text)).type).toBe('answer')
  })

  test('calls the tool that the message asks for', () => {
    expect(ask(user('What is the weather in Oslo?'))).toMatchObject({ calls: [{ toolName: 'get_weather' }] })
  })

  test('answers with the sentence that says it, and names its document', () => {
    const turn = ask(user('How long does a refund take?'), [result(DOCUMENTS)])
    expect(turn).toMatchObject({
      text: expect.stringContaining('A refund takes five working days. (Source: refunds.md, page 2)') as string,
    })
  })

  test('says when nothing was found, or nothing that answers', () => {
    expect(quoteDocuments('No documents found', 'refunds')).toBe('I found nothing about that in the knowledge base.')
    expect(quoteDocuments('[]', 'refunds')).toBe('I found nothing about that in the knowledge base.')
    expect(quoteDocuments(DOCUMENTS, 'warranty')).toBe(
      'The knowledge base has something in refunds.md, page 2, shipping.md, but nothing that I can tell answers that.',
    )
  })

  test('answers from the references of the message, without searching again', () => {
    const content = `What does shipping cost?\n\n<references>\n${DOCUMENTS}\n</references>`
    const from = content.indexOf('[')
    const retrieval = { query: 'What does shipping cost?', durationMs: 1, from, to: from + DOCUMENTS.length }
    const turn = ask({ role: 'user', id: 'u', createdAt: 0, content, retrieval })
    expect(turn).toMatchObject({
      text: expect.stringContaining('Shipping is free above 50 euros. (Source: shipping.md)') as string,
    })
  })
})
