import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { runAgent } from '@agentos/sdk/testing'
import handbook from './agent.ts'

const read = async (name: string) => ({
  name,
  text: await readFile(new URL(`knowledge/${name}`, import.meta.url), 'utf8'),
})
const knowledge = [await read('refunds.md'), await read('shipping.md')]

await test('finds the document that a question is about', async () => {
  const search = { toolCalls: [{ name: 'search_knowledge_base', input: { query: 'shipping to Norway' } }] }
  const run = await runAgent(handbook, {
    message: 'What does shipping to Norway cost?',
    script: [search, '12 euros (shipping.md).'],
    knowledge,
  })
  assert.equal(run.status, 'COMPLETED')
  assert.match(JSON.stringify(run.references[0]?.documents[0]), /shipping\.md.*12 euros/)
})

await test('is told to search before it answers', async () => {
  const run = await runAgent(handbook, { message: 'Hello', script: ['Hello!'], knowledge })
  assert.match(run.systemPrompt, /search_knowledge_base/)
})
