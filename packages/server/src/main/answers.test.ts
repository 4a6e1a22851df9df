import { expect, test } from 'vitest'
import { createAnswers } from './answers.ts'

const ASKER = { runId: 'r', sessionId: 's', userId: null, agentId: 'a' }

test('a question goes to the part that knows its kind, once that is there', async () => {
  const answers = createAnswers()
  const ask = () => answers.answerAsk(ASKER, 'load-media', { mediaId: 'm' })
  await expect(ask()).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
  answers.add({ 'load-media': (asker, { mediaId }) => Promise.resolve(Buffer.from(`${asker.sessionId} ${mediaId}`)) })
  expect(Buffer.from(await ask()).toString()).toBe('s m')
})

test('a kind has one answer', () => {
  const answers = createAnswers()
  const loader = { 'load-media': () => Promise.resolve(Buffer.alloc(0)) }
  answers.add(loader)
  expect(() => answers.add(loader)).toThrow('"load-media" has an answer already')
})
