import { runAgent } from '@agentos/sdk/testing'
import shop from './shop.ts'

// `agentos test .` runs this without a server and without a model: the script takes the model's place.
// The assertion is plain JavaScript, so that the folder needs no packages.
const run = await runAgent(shop, {
  message: 'Where is A101?',
  script: [{ toolCalls: [{ name: 'order_status', input: { orderId: 'a101' } }] }, 'It arrives tomorrow.'],
})

if (run.status !== 'COMPLETED') throw new Error(`the run ended as ${run.status}: ${run.error}`)
if (run.toolCalls[0]?.result !== 'on its way, arrives tomorrow') throw new Error(JSON.stringify(run.toolCalls))
if (run.content !== 'It arrives tomorrow.') throw new Error(JSON.stringify(run.content))
