/**
 * One page of a list, in Agno's envelope.
 * @module
 */
import type { z } from 'zod'
import type { PageMeta } from '@agentos/wire'
import type { Clock } from '../base/clock.ts'

export type Page<T> = { readonly data: T[]; readonly meta: z.infer<typeof PageMeta> }

/**
 * Starts the clock of a search.
 * @returns makes the page of what was found
 */
export function startPage(
  clock: Clock,
  { page, limit }: { readonly page: number; readonly limit: number },
): <T>(data: T[], total: number) => Page<T> {
  const started = clock.monotonic()
  return (data, total) => {
    const search_time_ms = Math.round((clock.monotonic() - started) * 100) / 100
    return { data, meta: { page, limit, total_pages: Math.ceil(total / limit), total_count: total, search_time_ms } }
  }
}
