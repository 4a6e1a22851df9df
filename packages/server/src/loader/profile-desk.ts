/**
 * The worker's end of a profile: takes it of this thread when the main thread asks, and sends it or says why not.
 * Invariant: every request is answered once, also one that is stopped.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { type ProfileRequest, recordProfile } from '../telemetry/profiler.ts'
import type { FromWorker } from './protocol.ts'

export type ProfileDesk = {
  readonly take: (id: number, request: ProfileRequest) => void
  /** Ends a profile before its time; one that is over already stays as it is. */
  readonly stop: (id: number) => void
}

/** @param show rewrites the text of a profile for people, such as paths of a private copy */
export function createProfileDesk(
  post: (message: FromWorker, transfer: readonly ArrayBuffer[]) => void,
  show: (text: string) => string,
): ProfileDesk {
  const running = new Map<number, AbortController>()
  const take = async (id: number, request: ProfileRequest) => {
    const stopping = new AbortController()
    running.set(id, stopping)
    try {
      const content = new TextEncoder().encode(show(await recordProfile(request, stopping.signal)))
      post({ type: 'profile', id, content }, [content.buffer])
    } catch (error) {
      const code = error instanceof AgentOSError ? error.code : 'INTERNAL'
      const message = error instanceof Error ? error.message : String(error)
      post({ type: 'profile-failed', id, code, message }, [])
    } finally {
      running.delete(id)
    }
  }
  return {
    take: (id, request) => void take(id, request),
    stop: (id) => running.get(id)?.abort(new Error('the profile was stopped')),
  }
}
