/**
 * The fake model provider as a process of its own; what it answers is scripted by the message (`[fake:tokens=5]`), see
 * bench/provider/script.ts.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ENTRY = join(import.meta.dirname, '..', 'bench', 'provider', 'main.ts')

export type ProviderProcess = AsyncDisposable & {
  readonly baseUrl: string
  readonly pid: number
  /** What makes agents without a model of their own use it. */
  readonly env: Readonly<Record<string, string>>
  readonly stats: () => Promise<{ readonly requests: number; readonly open: number; readonly aborted: number }>
  /** The last requests, with `record`. */
  readonly requests: () => Promise<readonly { readonly body: string }[]>
}

/**
 * @param record how many of the last requests are kept
 * @param port a free one without it; that of a provider that has ended, to take its place
 * @param host address to listen on
 */
export async function startProvider({ record = 0, port = 0, host = '127.0.0.1' } = {}): Promise<ProviderProcess> {
  const args = [ENTRY, '--host', host, '--port', String(port), '--record', String(record), '--follow-stdin']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const [first] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exited.then(() => Promise.reject(new Error('the fake provider ended before it listened'))),
  ])) as [string]
  const { baseUrl } = JSON.parse(first) as { baseUrl: string }
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(new URL(path, baseUrl), { headers: { connection: 'close' } })
    return (await response.json()) as T
  }
  return {
    baseUrl,
    pid: child.pid ?? 0,
    env: {
      OPENAI_COMPATIBLE_BASE_URL: baseUrl,
      OPENAI_COMPATIBLE_API_KEY: 'sk-fake-provider-key',
      AGENTOS_DEFAULT_MODEL: 'openai-compatible:fake',
    },
    stats: () => get('/stats'),
    requests: () => get('/requests'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
