/**
 * The agents that durability is measured with.
 * @module
 */
import type { Files } from '../../e2e/agents-folder.ts'

/** What running a tool again does to the outside world. */
export const EFFECTS = ['read', 'idempotent', 'keyed', 'once'] as const

/** Agents without history, so that every run asks the same of its model. */
const OPTIONS = `instructions: 'Answer.', addHistoryToContext: false`

/** Agents called `ids`, without tools. */
export function plainAgents(ids: readonly string[]): Files {
  return Object.fromEntries(
    ids.map((id) => [
      `${id}.ts`,
      `import { agent } from '@agentos/sdk'\nexport default agent({ id: '${id}', name: '${id}', ${OPTIONS} })\n`,
    ]),
  )
}

/** Agent `desk` with one tool per effect, each of that name; they answer at once. */
export const DESK: Files = {
  'desk.ts': `import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
const tools = ${JSON.stringify(EFFECTS)}.map((name) => tool({
  name, description: 'Looks a city up', input: z.object({ city: z.string() }), effect: name,
  run: ({ city }) => ({ city, sky: 'clear' }),
}))
export default agent({ id: 'desk', name: 'Desk', tools, ${OPTIONS} })
`,
}

/**
 * Agent `slow` with a tool per effect whose touch of the outside world is counted (`e2e/effects.ts`), and which then take
 * `ms` milliseconds.
 */
export function slowAgent(ms: number): Files {
  return {
    'slow.ts': `import { setTimeout as sleep } from 'node:timers/promises'
import { agent, tool } from '@agentos/sdk'
import { act, INPUT } from './lib/act.ts'
const tools = ${JSON.stringify(EFFECTS)}.map((name) => tool({
  name, effect: name, input: INPUT,
  run: async (input, ctx) => {
    const result = await act(name, input, ctx)
    await sleep(${ms}, undefined, { signal: ctx.signal })
    return result
  },
}))
export default agent({ id: 'slow', name: 'Slow', tools, ${OPTIONS} })
`,
  }
}
