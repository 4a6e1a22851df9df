import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAgent } from '@agentos/sdk/testing'
import refunds from './refunds.ts'

const refundA101 = { toolCalls: [{ name: 'refund_order', input: { orderId: 'A101' } }] }

await test('a refund waits for an approval', async () => {
  const run = await runAgent(refunds, { message: 'Refund order A101.', script: [refundA101] })
  assert.equal(run.status, 'PAUSED')
  assert.equal(run.requirements[0]?.approval, 'required')
  assert.deepEqual(run.toolCalls, [])
})

await test('an approved refund is paid', async () => {
  const run = await runAgent(refunds, {
    message: 'Refund order A101.',
    script: [refundA101, 'You get 54.90 EUR.'],
    answers: [{ tool: 'refund_order', confirmed: true }],
  })
  assert.equal(run.status, 'COMPLETED')
  assert.match(run.toolCalls[0]?.result ?? '', /54\.90 EUR/)
})

await test('a rejected refund is not, and the model hears why', async () => {
  const run = await runAgent(refunds, {
    message: 'Refund order A101.',
    script: [refundA101, 'I cannot refund it.'],
    answers: [{ tool: 'refund_order', confirmed: false, note: 'It was used for a year.' }],
  })
  assert.equal(run.toolCalls[0]?.result, 'It was used for a year.')
  assert.equal(run.content, 'I cannot refund it.')
})
