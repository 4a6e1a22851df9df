import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAgent } from '@agentos/sdk/testing'
import companion from './companion.ts'

await test('the model is told what is remembered of the user', async () => {
  const run = await runAgent(companion, {
    message: 'Good morning',
    userId: 'ada',
    memories: ["The user's name is Ada."],
    script: ['Good morning, Ada!'],
  })
  assert.equal(run.content, 'Good morning, Ada!')
  assert.match(run.systemPrompt, /- The user's name is Ada\./)
})

await test('nothing is said of memories when nobody knows who asks', async () => {
  const run = await runAgent(companion, { message: 'Good morning', script: ['Good morning!'] })
  assert.doesNotMatch(run.systemPrompt, /memories/)
})
