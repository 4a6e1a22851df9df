/**
 * Profiles on demand, as files that Chrome's DevTools and speedscope open.
 * @module
 */
import { CpuProfile, CpuProfileQuery, HeapProfile, HeapProfileQuery } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import type { ProfileRequest } from '../../telemetry/profiler.ts'
import type { AppDeps, ProfiledThread } from '../deps.ts'
import { type Call, route, STREAMED } from '../route.ts'

const options = {
  method: 'POST',
  scope: 'config:write',
  tag: 'Server',
  errors: ['PROFILE_RUNNING', 'PROFILE_TOO_LARGE', 'WORKER_LOST', 'NO_REVISION', 'DRAINING'],
} as const

export const takeCpuProfile = route({
  ...options,
  path: '/admin/profiles/cpu',
  summary: 'Where the time of a thread of this replica goes: a .cpuprofile, once its seconds are over',
  query: CpuProfileQuery,
  response: CpuProfile,
  handle: ({ query: { thread, seconds }, deps, call }) =>
    answerProfile(thread, { kind: 'cpu', seconds, garbage: false }, deps, call),
})

export const takeHeapProfile = route({
  ...options,
  path: '/admin/profiles/heap',
  summary: 'Who allocates on a thread of this replica: a .heapprofile, once its seconds are over',
  query: HeapProfileQuery,
  response: HeapProfile,
  handle: ({ query: { thread, seconds, garbage }, deps, call }) =>
    answerProfile(thread, { kind: 'heap', seconds, garbage }, deps, call),
})

async function answerProfile(
  thread: ProfiledThread,
  request: ProfileRequest,
  { profiles, clock }: AppDeps,
  call: Call,
): Promise<typeof STREAMED> {
  // The file is sent past Fastify, also while the server closes, which waits for connections that are kept.
  call.setHeader('connection', 'close')
  const leaving = new AbortController()
  const stopListening = call.onDisconnect(() =>
    leaving.abort(new AgentOSError('INVALID_REQUEST', 'The client went away before its profile was there')),
  )
  try {
    const content = await profiles.take(thread, request, leaving.signal)
    return sendFile(fileName(thread, request, clock.now()), content, call)
  } finally {
    stopListening()
  }
}

/** For example `agents-20261123T112745Z.cpuprofile`; the tools know the kind by its end. */
function fileName(thread: ProfiledThread, { kind }: ProfileRequest, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${thread}-${time}.${kind}profile`
}

/** A profile is JSON already: it is not parsed and written again on the thread that serves everybody. */
function sendFile(name: string, content: Uint8Array, call: Call): typeof STREAMED {
  const { response, register } = call.takeOver({
    'content-type': 'application/json',
    'content-disposition': `attachment; filename="${name}"`,
    'content-length': String(content.byteLength),
    'cache-control': 'no-store',
  })
  // A client that does not read does not keep the server from closing.
  const cut = () => response.destroy()
  response.once('close', register({ end: cut, cut }))
  response.end(content)
  return STREAMED
}
