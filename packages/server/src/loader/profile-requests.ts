/**
 * The main thread's end of the profiles of one worker: matches requests with their answers.
 * Invariant: every request settles, by its answer or by the end of the worker. One that is stopped settles only then, so
 * that whoever waits for it knows that the worker is no longer watched.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'
import type { FromWorker, ToWorker } from './protocol.ts'

export type ProfileRequests = {
  /**
   * @returns the profile, JSON in UTF-8
   * @throws {AgentOSError} PROFILE_TOO_LARGE, WORKER_LOST; the reason of `signal` when it aborts first
   */
  readonly ask: (request: ProfileRequest, signal: AbortSignal) => Promise<Uint8Array>
  readonly receive: (answer: ProfileAnswer) => void
  /** The worker has ended: nothing is answered any more. */
  readonly lose: (reason: string) => void
}

export type ProfileAnswer = Extract<FromWorker, { type: 'profile' | 'profile-failed' }>

type Pending = { readonly resolve: (content: Uint8Array) => void; readonly reject: (error: Error) => void }

export function createProfileRequests(post: (message: ToWorker) => void): ProfileRequests {
  const pending = new Map<number, Pending>()
  let nextId = 0
  let lost: AgentOSError | undefined
  return {
    ask: async (request, signal) => {
      signal.throwIfAborted()
      if (lost !== undefined) throw lost
      const id = nextId++
      const answer = Promise.withResolvers<Uint8Array>()
      const stop = () => post({ type: 'profile-stop', id })
      pending.set(id, answer)
      signal.addEventListener('abort', stop, { once: true })
      post({ type: 'profile', id, request })
      try {
        return await answer.promise
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        pending.delete(id)
        signal.removeEventListener('abort', stop)
      }
    },
    receive: (answer) => {
      const asked = pending.get(answer.id)
      if (answer.type === 'profile') asked?.resolve(answer.content)
      else asked?.reject(new AgentOSError(answer.code, answer.message))
    },
    lose: (reason) => {
      lost = new AgentOSError('WORKER_LOST', `The worker ended before its profile was there: ${reason}`)
      for (const { reject } of pending.values()) reject(lost)
    },
  }
}
