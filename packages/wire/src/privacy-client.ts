/**
 * The privacy routes of the client.
 * @module
 */
import { Erasure, type ExportLine } from './privacy.ts'
import type { Transport } from './transport.ts'

export function createPrivacyClient({ ask, send }: Transport) {
  const pathOf = (userId: string) => `/admin/users/${encodeURIComponent(userId)}`
  return {
    /** Everything that is held of a user, a line at a time. Without a line that is `complete` it has broken off. */
    async *export(userId: string, signal?: AbortSignal): AsyncGenerator<ExportLine> {
      const { body } = await send(`${pathOf(userId)}/export`, { signal })
      if (body === null) return
      const decoder = new TextDecoder()
      let rest = ''
      for await (const bytes of body) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        // The server's own lines.
        for (const line of lines) yield JSON.parse(line) as ExportLine
      }
    },
    /** Deletes all of it. Asking again goes on with an erasure that broke off. */
    erase: (userId: string) => ask(Erasure, pathOf(userId), { method: 'DELETE' }),
  }
}
