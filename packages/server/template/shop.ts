import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'

const ORDERS: Readonly<Record<string, string>> = { A100: 'delivered on Monday', A101: 'on its way, arrives tomorrow' }

const orderStatus = tool({
  name: 'order_status',
  description: 'Says where an order is',
  input: z.object({ orderId: z.string().describe('Order number, for example A100') }),
  // It only looks: running it twice does no harm.
  effect: 'read',
  run: ({ orderId }) => ORDERS[orderId.toUpperCase()] ?? `There is no order ${orderId}.`,
})

export default agent({
  id: 'shop',
  name: 'Shop assistant',
  description: 'Tells customers where their orders are',
  instructions: 'Answer in one or two sentences. Look an order up before you say anything about it.',
  tools: [orderStatus],
  quickPrompts: ['Where is order A101?'],
})
