import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'

const ORDERS: Readonly<Record<string, { readonly item: string; readonly cents: number }>> = {
  A100: { item: 'Kettle', cents: 3_900 },
  A101: { item: 'Toaster', cents: 5_490 },
}

const findOrder = tool({
  name: 'find_order',
  description: 'Shows an order: item and price in cents',
  input: z.object({ orderId: z.string().describe('Order number, for example A101') }),
  effect: 'read',
  run: ({ orderId }) => ORDERS[orderId.toUpperCase()] ?? `There is no order ${orderId}.`,
})

const refundOrder = tool({
  name: 'refund_order',
  description: 'Pays the price of an order back to the customer',
  input: z.object({ orderId: z.string().describe('Order number, for example A101') }),
  // The run pauses until a person has approved the refund, however long that takes.
  approval: 'required',
  // A payment API knows a refund that it has seen by this key: hand it `ctx.effectKey`, the same on every try of a call.
  effect: 'keyed',
  run: ({ orderId }, ctx) => {
    const order = ORDERS[orderId.toUpperCase()]
    if (order === undefined) throw new Error(`There is no order ${orderId}.`)
    ctx.log.info('refunded', { order_id: orderId, key: ctx.effectKey })
    return { orderId, refunded: `${(order.cents / 100).toFixed(2)} EUR` }
  },
})

/** A person in the loop: looking is free, paying needs an approval. */
export default agent({
  name: 'Refund desk',
  description: 'Looks orders up and refunds them, once somebody has approved',
  instructions:
    'Help with orders. Refund an order when the user asks for it; never promise a refund before it is done.',
  tools: [findOrder, refundOrder],
  quickPrompts: ['Refund order A101.', 'Find order A100.'],
})
