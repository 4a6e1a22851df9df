/**
 * An agents folder whose tools leave a line in a file each time they touch the outside world, so that a test can count
 * what happened, whichever process did it. A tool can be held at a gate: it has had its effect and does not return.
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFolder, type Files, type Folder } from './agents-folder.ts'
import { until } from './condition.ts'

/** One touch of the outside world. */
export type Effect = {
  readonly tool: string
  /** What the call was made with. */
  readonly id: string
  readonly runId: string
  readonly toolCallId: string
  readonly effectKey: string
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

export type Effects = AsyncDisposable & {
  /** The agents folder: agent `worker` without tools, and `desk` with `read`, `idempotent`, `keyed` and `once`. */
  readonly path: string
  readonly write: Folder['write']
  /** In the order in which they happened. @param id only those of calls with this id */
  readonly list: (id?: string) => Promise<readonly Effect[]>
  /** Waits until a call with `id` has had its effect `times` times, and no longer. */
  readonly happened: (id: string, times?: number) => Promise<Effect>
  /** Lets calls with `gate` in their arguments return, from now on. */
  readonly open: (gate: string) => Promise<void>
}

/** Tools of an agent take `{ id, gate? }`. */
export const EFFECT_TOOLS = ['read', 'idempotent', 'keyed', 'once'] as const

/** @param more further files of the agents folder; they may import `act` of `lib/act.ts` */
export async function createEffects(more: Files = {}): Promise<Effects> {
  const outside = await createFolder({ ledger: '' })
  const folder = await createFolder({
    'lib/act.ts': actSource(outside.path),
    'desk.ts': DESK,
    'worker.ts': WORKER,
    ...more,
  })
  const list = async (id?: string): Promise<readonly Effect[]> => {
    const lines = (await readFile(join(outside.path, 'ledger'), 'utf8')).split('\n').slice(0, -1)
    const effects = lines.map((line) => JSON.parse(line) as Effect)
    return id === undefined ? effects : effects.filter((effect) => effect.id === id)
  }
  return {
    path: folder.path,
    write: folder.write,
    list,
    happened: (id, times = 1) =>
      until(`${times} effects of ${id}`, async () => {
        const effects = await list(id)
        return effects[times - 1]
      }),
    open: (gate) => writeFile(join(outside.path, gate), ''),
    [Symbol.asyncDispose]: async () => {
      await folder[Symbol.asyncDispose]()
      await outside[Symbol.asyncDispose]()
    },
  }
}

function actSource(outside: string): string {
  return `import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
const OUTSIDE = ${JSON.stringify(outside)}
export const INPUT = z.object({ id: z.string(), gate: z.string().optional() })
export async function act(tool, { id, gate }, { runId, toolCallId, effectKey, signal }) {
  const line = { tool, id, runId, toolCallId, effectKey, pid: process.pid, at: Date.now() }
  appendFileSync(join(OUTSIDE, 'ledger'), JSON.stringify(line) + '\\n')
  while (gate !== undefined && !existsSync(join(OUTSIDE, gate))) await sleep(10, undefined, { signal })
  return tool + ' did ' + id
}
`
}

const DESK = `import { agent, tool } from '@agentos/sdk'
import { act, INPUT } from './lib/act.ts'
const tools = ${JSON.stringify(EFFECT_TOOLS)}.map((name) =>
  tool({ name, effect: name, input: INPUT, run: (input, ctx) => act(name, input, ctx) }),
)
export default agent({ id: 'desk', name: 'Desk', tools })
`

const WORKER = `import { agent } from '@agentos/sdk'
export default agent({ id: 'worker', name: 'Worker' })
`
