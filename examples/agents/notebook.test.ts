import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAgent } from '@agentos/sdk/testing'
import notebook from './notebook.ts'

// `agentos test examples/agents` runs this. The script takes the model's place; all else is what the server runs.
await test('a note is kept in the session state', async () => {
  const run = await runAgent(notebook, {
    message: 'Remember the milk',
    sessionState: { notes: ['bread'] },
    script: [{ toolCalls: [{ name: 'add_note', input: { note: 'milk' } }] }, 'Noted.'],
  })
  assert.equal(run.status, 'COMPLETED')
  assert.equal(run.content, 'Noted.')
  assert.deepEqual(run.sessionState, { notes: ['bread', 'milk'] })
  assert.match(run.systemPrompt, /There are 1 notes/)
})

await test('an empty note goes back to the model as an error', async () => {
  const run = await runAgent(notebook, {
    message: 'Remember nothing',
    script: [{ toolCalls: [{ name: 'add_note', input: { note: '' } }] }, 'What shall I remember?'],
  })
  assert.equal(run.toolCalls[0]?.isError, true)
  assert.deepEqual(run.sessionState, { notes: [] })
})
