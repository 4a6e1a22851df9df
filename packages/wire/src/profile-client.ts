/**
 * The profile routes of the client.
 * @module
 */
import type { CpuProfileQuery, HeapProfileQuery } from './profile.ts'
import type { Transport } from './transport.ts'

/** A profile to be saved and opened in Chrome's DevTools or speedscope. */
export type ProfileFile = { readonly name: string; readonly content: Blob }

export function createProfileClient({ send }: Transport) {
  const take = async (kind: 'cpu' | 'heap', query: Partial<HeapProfileQuery>, signal: AbortSignal | undefined) => {
    const { garbage, ...rest } = query
    const asked = { ...rest, ...(garbage !== undefined && { garbage: String(garbage) }) }
    const response = await send(`/admin/profiles/${kind}`, { method: 'POST', query: asked, signal })
    const given = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1]
    return { name: given ?? `${query.thread ?? 'agents'}.${kind}profile`, content: await response.blob() }
  }
  return {
    /** Answers when its seconds are over; `signal` ends the sampling on the server as well. */
    cpu: (query: Partial<CpuProfileQuery> = {}, signal?: AbortSignal): Promise<ProfileFile> =>
      take('cpu', query, signal),
    heap: (query: Partial<HeapProfileQuery> = {}, signal?: AbortSignal): Promise<ProfileFile> =>
      take('heap', query, signal),
  }
}
