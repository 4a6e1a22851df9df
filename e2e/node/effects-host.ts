/**
 * The world outside of pods: tools touch it over HTTP, and every touch is counted.
 * @module
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { NODE_ADDRESS } from '../../tools/node/node-settings.ts'

export type EffectsHost = AsyncDisposable & {
  /** Source of agent `desk`, whose tool `once` touches the world and takes a moment. */
  readonly deskSource: string
  /** What happened more than once, and must not. */
  readonly doubled: () => readonly string[]
  readonly count: () => number
}

const TOOL_MS = 100

export async function startEffectsHost(): Promise<EffectsHost> {
  const touches = new Map<string, number>()
  const server = createServer((request, response) => {
    void text(request).then((key) => {
      touches.set(key, (touches.get(key) ?? 0) + 1)
      response.end()
    })
  })
  server.listen(0, NODE_ADDRESS)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // an inet socket always has one
  return {
    deskSource: `import { setTimeout as sleep } from 'node:timers/promises'
import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
const touch = tool({
  name: 'once', description: 'Touches the world', effect: 'once', input: z.object({ id: z.string() }),
  run: async ({ id }, { runId }) => {
    await fetch('http://${NODE_ADDRESS}:${port}', { method: 'POST', body: runId + ' ' + id })
    await sleep(${TOOL_MS})
    return 'did ' + id
  },
})
export default agent({ id: 'desk', name: 'Desk', tools: [touch], addHistoryToContext: false })
`,
    doubled: () => [...touches].filter(([, times]) => times > 1).map(([key, times]) => `${key}: ${times} times`),
    count: () => touches.size,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
