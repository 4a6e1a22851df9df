/**
 * Streams that are open on one server, so that closing the server ends them first.
 * @module
 */
export type OpenStream = { readonly end: () => void; readonly cut: () => void }

export type OpenStreams = {
  /** @returns forgets the stream; to be called when it is over */
  readonly add: (stream: OpenStream) => () => void
  /**
   * Ends all streams and waits until their clients have everything that was written.
   * @param patienceMs milliseconds after which those that do not read are cut
   */
  readonly endAll: (patienceMs: number) => Promise<void>
}

export function createOpenStreams(): OpenStreams {
  const open = new Set<OpenStream>()
  let onEmpty = () => {}
  return {
    add(stream) {
      open.add(stream)
      return () => {
        open.delete(stream)
        if (open.size === 0) onEmpty()
      }
    },
    async endAll(patienceMs) {
      const empty = new Promise<void>((resolve) => (onEmpty = resolve))
      for (const stream of open) stream.end()
      if (open.size === 0) return
      const timer = setTimeout(() => {
        for (const stream of open) stream.cut()
      }, patienceMs)
      await empty
      clearTimeout(timer)
    },
  }
}
