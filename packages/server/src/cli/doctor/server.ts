/**
 * Looks at a running server over HTTP: whether it is ready, what it serves, how it does.
 * @module
 */
import type { Info, Ready, ServerStatus } from '@agentos/wire'
import { ApiError, createClient } from '@agentos/wire/client'
import type { Redact } from '../../base/redact.ts'
import type { Problem } from './report.ts'

export type ServerReport = {
  readonly url: string
  /** The following are null where the server did not answer, or not to us. */
  readonly info: Info | null
  readonly ready: Ready | null
  readonly status: ServerStatus | null
  readonly problems: readonly Problem[]
}

/** Longest time for one answer, in milliseconds. */
const PATIENCE_MS = 5000
/** As the alerts of observability/alerts have them. */
const LATE_MS = 200
const OLD_LEASE_SECONDS = 3

/** @param key of the server; undefined when it has none */
export async function examineServer(url: string, key: string | undefined, redact: Redact): Promise<ServerReport> {
  const fetchInTime: typeof fetch = (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) })
  const client = createClient({ baseUrl: url, key, fetch: fetchInTime })
  const failures: Problem[] = []
  const ask = async <T>(question: () => Promise<T>): Promise<T | null> => {
    // The rest would say the same again.
    if (failures.length > 0) return null
    try {
      return await question()
    } catch (error) {
      failures.push(describeFailure(error, redact(url), redact))
      return null
    }
  }
  const info = await ask(client.info)
  const ready = await ask(client.ready)
  const status = await ask(client.status)
  return { url: redact(url), info, ready, status, problems: [...failures, ...findServerProblems(ready, status)] }
}

function describeFailure(error: unknown, url: string, redact: Redact): Problem {
  if (error instanceof ApiError && error.status === 401) {
    const next = 'Set OS_SECURITY_KEY to the key of that server.'
    return { what: `The server at ${url} wants a key: ${error.message}.`, next, code: error.errorId }
  }
  if (error instanceof ApiError) {
    const next = error.next ?? 'Check that the address is that of a server of this release.'
    return { what: redact(`${url} answers ${error.status}: ${error.message}.`), next, code: error.errorId || null }
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason =
    cause instanceof Error ? cause.message || String('code' in cause ? cause.code : cause.name) : String(cause)
  const next = 'Check the address, and that a server of this release runs there.'
  return { what: redact(`No server of ours answers at ${url}: ${reason.split('\n', 1)[0]}.`), next, code: null }
}

/** The gravest first. */
export function findServerProblems(ready: Ready | null, status: ServerStatus | null): Problem[] {
  return [
    ...(ready === null ? [] : findReadyProblems(ready, status)),
    ...(status === null ? [] : findStatusProblems(status)),
  ]
}

const problem = (what: string, next: string): Problem => ({ what, next, code: null })

const NEXT: Readonly<Record<string, string>> = {
  server: 'Wait for the replica that takes its place.',
  database: 'Run `agentos doctor` with the settings of the server to see what the database says.',
  agents: 'Push a revision that `agentos check` accepts.',
}

function findReadyProblems(ready: Ready, status: ServerStatus | null): Problem[] {
  // With a key the status has the reasons in full.
  const reasons = Object.entries(status?.reasons ?? ready.reasons)
  const found = reasons.map(([part, why]) => problem(`Not ready, ${part}: ${why}.`, NEXT[part] ?? 'See its log.'))
  if (!ready.degraded) return found
  const broken = ready.files.filter(({ outcome }) => outcome === 'error').map(({ path }) => path)
  const which = broken.length === 0 ? '' : ` (${broken.join(', ')})`
  const what = `Revision ${ready.revision ?? 'none'} serves and ${ready.desired ?? 'none'} is wanted; not all is well${which}.`
  return [...found, problem(what, 'Push a revision that `agentos check` accepts; GET /health/ready has the errors.')]
}

function findStatusProblems(status: ServerStatus): Problem[] {
  const { event_loop: loop, database, runs, generations, knowledge, spans } = status
  const lease = runs.oldest_lease_seconds ?? 0
  return [
    ...generations
      .filter(({ state }) => state === 'degraded' || state === 'restarting')
      .map(({ revision, state }) =>
        problem(`The worker of revision ${revision} is ${state}.`, 'See docs/runbooks/agentos-worker-dies.md.'),
      ),
    ...(lease > OLD_LEASE_SECONDS
      ? [problem(`The oldest lease is ${lease.toFixed(1)} s old.`, 'See docs/runbooks/agentos-leases-old.md.')]
      : []),
    ...database.pools
      .filter(({ waiting }) => waiting > 0)
      .map(({ name, used, max, waiting }) => {
        const what = `${waiting} statements wait for a connection: the pool ${name} has ${used} of ${max} in use.`
        return problem(what, 'See docs/runbooks/agentos-database-pool-full.md.')
      }),
    ...((loop.p99_ms ?? 0) > LATE_MS
      ? [
          problem(
            `The event loop is late: ${(loop.p99_ms ?? 0).toFixed(0)} ms at the 99th percentile.`,
            'See docs/runbooks/agentos-event-loop-late.md.',
          ),
        ]
      : []),
    ...generations
      .filter(({ credit }) => credit <= 0)
      .map(({ revision }) => {
        const what = `The worker of revision ${revision} waits: the main thread does not keep up with its events.`
        return problem(what, 'See docs/runbooks/agentos-event-loop-late.md.')
      }),
    ...knowledge.flatMap(findBaseProblems),
    ...spans
      .filter(({ dropped }) => dropped > 0)
      .map(({ sink, dropped }) =>
        problem(`${dropped} spans did not arrive at ${sink}.`, 'See docs/runbooks/agentos-spans-dropped.md.'),
      ),
  ]
}

function findBaseProblems({ id, documents, embedder, words_only: why }: ServerStatus['knowledge'][number]): Problem[] {
  const failed = documents?.failed ?? 0
  const base = `knowledge base ${id}`
  const list = `GET /knowledge/content?knowledge_id=${encodeURIComponent(id)}`
  return [
    // Without any embedder words are all that anybody asked for.
    ...(embedder !== null && embedder.answers === null && why !== null && embedder.problem !== null
      ? [problem(`The ${base} is searched by words only: ${why}.`, 'See docs/how-to/answer-from-knowledge.md.')]
      : []),
    ...(embedder?.answers === false
      ? [
          problem(
            `The embedder ${embedder.name} of the ${base} does not answer: ${embedder.problem ?? '?'}.`,
            'See docs/runbooks/agentos-embedder-away.md.',
          ),
        ]
      : []),
    ...(failed > 0
      ? [problem(`Documents of the ${base} that could not be read: ${failed}.`, `${list} says why of each.`)]
      : []),
  ]
}
