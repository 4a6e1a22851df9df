/**
 * How long requests that only read take, held against one that reads nothing.
 * @module
 */
import { load } from './processes.ts'
import { type Figure, quantile } from './report.ts'

export type Ask = { readonly name: string; readonly paths: readonly string[]; readonly body?: object }

const TURNS = 4

export type Asking = {
  readonly url: string
  /** Reads nothing. */
  readonly least: Ask
  /** How many of each. */
  readonly requests: number
}

/** @throws {Error} when a request fails */
export async function timeAsk(scenario: string, ask: Ask, { url, least, requests }: Asking): Promise<Figure[]> {
  const measure = async ({ name, paths, body }: Ask, count: number) => {
    const urls = paths.map((path) => new URL(path, url).href)
    const job = { kind: 'requests', urls, concurrency: 1, ...(body && { body: JSON.stringify(body) }) } as const
    const result = await load({ ...job, requests: count })
    if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${count} requests failed`)
    return result.latencies
  }
  // The pages come from the memory of PostgreSQL or of the system, as they do for whoever asks again.
  await measure(ask, Math.min(requests, ask.paths.length))
  const times: number[] = []
  const leastTimes: number[] = []
  // In turns, so that what else the machine does hits both.
  for (let turn = 0; turn < TURNS; turn++) {
    times.push(...(await measure(ask, requests / TURNS)))
    leastTimes.push(...(await measure(least, requests / TURNS)))
  }
  return (['p50', 'p99'] as const).map((what) => {
    const q = what === 'p50' ? 0.5 : 0.99
    const limit = quantile(leastTimes, q)
    return { name: `${scenario} ${ask.name} ${what}`, unit: 'ms', value: quantile(times, q), limit, better: 'less' }
  })
}
