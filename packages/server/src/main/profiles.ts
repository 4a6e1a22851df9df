/**
 * Profiles that operators ask for, of the main thread or of the worker that serves: one at a time of each, none of a
 * server that stops.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { ProfiledThread, Profiles } from '../http/deps.ts'
import type { Registry } from '../loader/registry.ts'
import type { Log } from '../telemetry/log.ts'
import { type ProfileRequest, recordProfile } from '../telemetry/profiler.ts'

export type ServerProfiles = Profiles & {
  /** Ends those that are being taken, and refuses others from now on. */
  readonly stop: () => void
}

export function createProfiles(registry: Pick<Registry, 'current'>, log: Log): ServerProfiles {
  const stopping = new AbortController()
  const watched = new Set<ProfiledThread>()
  const record = async (thread: ProfiledThread, request: ProfileRequest, signal: AbortSignal): Promise<Uint8Array> => {
    if (thread === 'main') return new TextEncoder().encode(await recordProfile(request, signal))
    const generation = registry.current()
    if (generation === undefined) throw new AgentOSError('NO_REVISION', 'No agents are loaded, so no thread runs them')
    return generation.profile(request, signal)
  }
  return {
    take: async (thread, request, signal) => {
      stopping.signal.throwIfAborted()
      if (watched.has(thread))
        throw new AgentOSError('PROFILE_RUNNING', `Somebody is taking a profile of thread "${thread}"`)
      watched.add(thread)
      try {
        const content = await record(thread, request, AbortSignal.any([signal, stopping.signal]))
        log.info('a profile was taken', { thread, ...request, bytes: content.byteLength })
        return content
      } finally {
        watched.delete(thread)
      }
    },
    stop: () => stopping.abort(new AgentOSError('DRAINING', 'The server is stopping and takes no profile')),
  }
}
