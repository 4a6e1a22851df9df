/**
 * Starts the scriptable provider of `bench/provider` as a process of its own; for tests. What it answers is written in the
 * model id: see `bench/provider/script.ts`.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type FakeProvider = AsyncDisposable & {
  /** Base URL for OpenAI-compatible clients, with `/v1`. */
  readonly baseUrl: string
  /** Requests, open answers, aborted answers and so on since the last reset. */
  readonly stats: () => Promise<Readonly<Record<string, number>>>
  /** The last requests, oldest first. */
  readonly requests: () => Promise<readonly FakeRequest[]>
  readonly reset: () => Promise<void>
}

export type FakeRequest = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body: string
}

const MAIN = fileURLToPath(new URL('../../../../bench/provider/main.ts', import.meta.url))

/** @throws {Error} when the process ends before it listens */
export async function startFakeProvider(): Promise<FakeProvider> {
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--record', '50', '--follow-stdin'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const ended = exited.then(() => Promise.reject(new Error('the fake provider ended before it listened')))
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  ended.catch(() => undefined)
  const { port, baseUrl } = JSON.parse(line) as { readonly port: number; readonly baseUrl: string }

  const ask = async (path: string, method = 'GET'): Promise<unknown> => {
    // A connection of its own per question, so that the tests' leak check sees none.
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { connection: 'close' } })
    return response.json()
  }
  return {
    baseUrl,
    stats: async () => (await ask('/stats')) as Readonly<Record<string, number>>,
    requests: async () => (await ask('/requests')) as readonly FakeRequest[],
    reset: async () => void (await ask('/reset', 'POST')),
    [Symbol.asyncDispose]: async () => {
      lines.close()
      child.stdin.end()
      await exited
    },
  }
}
