/**
 * Watches the thread that it is called on with the sampling profilers of V8: where its time goes, or who allocates what
 * is on its heap. Nothing is sampled before or after, nothing is written to disk, and no port is opened.
 * A profile names functions, files and lines. It holds no value of the program, so no prompt and no secret.
 * @module
 */
import type { Session } from 'node:inspector/promises'
import { sleep } from '../base/backoff.ts'
import { AgentOSError } from '../base/errors.ts'

export type ProfileRequest = {
  readonly kind: 'cpu' | 'heap'
  /** How long to watch, 1 to 60. */
  readonly seconds: number
  /** Whether a heap profile also counts what was collected meanwhile: who makes garbage, not only who keeps memory. */
  readonly garbage: boolean
}

/** Largest profile handed over, in bytes of UTF-8. */
const MAX_PROFILE_BYTES = 33_554_432

/** The most samples of a CPU profile; they are read back in one go. */
const MAX_SAMPLES = 30_000
/** The shortest time between two samples, in microseconds; V8's own. */
const MIN_SAMPLE_US = 1000
/** Bytes allocated between two samples of a heap profile, on average; V8's own. */
const HEAP_SAMPLE_BYTES = 32_768

/**
 * Takes one profile of this thread.
 * A CPU profile stops the thread for 50 to 100 ms when it begins, in which V8 lists the code that is loaded.
 * @param maxBytes largest profile, in bytes of UTF-8
 * @returns a `.cpuprofile` or a `.heapprofile`: JSON as Chrome's DevTools and speedscope read it
 * @throws {AgentOSError} PROFILE_TOO_LARGE; the reason of `signal` when it aborts first
 */
export async function recordProfile(
  request: ProfileRequest,
  signal: AbortSignal,
  maxBytes = MAX_PROFILE_BYTES,
): Promise<string> {
  signal.throwIfAborted()
  // A server that is never asked for a profile does not load it.
  const { Session: ProfilerSession } = await import('node:inspector/promises')
  const session = new ProfilerSession()
  session.connect()
  try {
    const profile =
      request.kind === 'cpu' ? await watchTime(session, request, signal) : await watchHeap(session, request, signal)
    const text = JSON.stringify(profile)
    const bytes = Buffer.byteLength(text)
    if (bytes <= maxBytes) return text
    throw new AgentOSError('PROFILE_TOO_LARGE', `The profile has ${bytes} bytes, more than ${maxBytes}`)
  } finally {
    // Ends all sampling that the session has begun.
    session.disconnect()
  }
}

/** Time between two samples of a CPU profile, in microseconds: 1000 up to half a minute, 2000 for a whole one. */
export function sampleIntervalUs(seconds: number): number {
  return Math.max(MIN_SAMPLE_US, Math.ceil((seconds * 1_000_000) / MAX_SAMPLES))
}

async function watchTime(session: Session, { seconds }: ProfileRequest, signal: AbortSignal): Promise<object> {
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: sampleIntervalUs(seconds) })
  await session.post('Profiler.start')
  await sleep(seconds * 1000, signal)
  const { profile } = await session.post('Profiler.stop')
  return profile
}

async function watchHeap(session: Session, { seconds, garbage }: ProfileRequest, signal: AbortSignal): Promise<object> {
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: HEAP_SAMPLE_BYTES,
    includeObjectsCollectedByMajorGC: garbage,
    includeObjectsCollectedByMinorGC: garbage,
  })
  await sleep(seconds * 1000, signal)
  const { profile } = await session.post('HeapProfiler.stopSampling')
  return profile
}
