/**
 * Takes up the jobs of contents and keeps their leases: looks when somebody says that there is one, when one has ended,
 * and every `pollMs` whatever anybody says.
 *
 *   claimed --> done | failed for good | given back (a passing failure: later; the server stops: at once) | lost
 *
 * @module
 */
import { type Backoff, backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { isPassingDocumentFailure } from '../base/document.ts'
import { isPassing } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import { abandonWriting } from '../storage/knowledge-chunks.ts'
import { claimJob, failJob, type KnowledgeJob, renewJobs, returnJob } from '../storage/knowledge-jobs.ts'
import type { Log } from '../telemetry/log.ts'
import { type IngestDeps, JobLost, runJob } from './ingest.ts'
import { forgetDeleted } from './remove-contents.ts'

export type IngestionOptions = {
  readonly replicaId: string
  /** Jobs at once; 0 takes none up. */
  readonly jobs: number
  /** 1000 or more, in milliseconds. */
  readonly leaseMs: number
  readonly pollMs: number
  /** Tries of a job, passing failures and lost replicas included. */
  readonly maxAttempts: number
  /** Waits between the tries of a job; default 2 seconds, doubled up to 5 minutes. */
  readonly retry?: Backoff
}

export type JobOutcome = 'completed' | 'failed' | 'retried'

export type IngestionDeps = IngestDeps & {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Hears how each job has left this replica. Must not throw. */
  readonly onJob?: ((job: { readonly outcome: JobOutcome; readonly seconds: number }) => void) | undefined
  /** A job is done. Must not throw. */
  readonly onDone: (job: KnowledgeJob) => void
}

export type Ingestion = {
  /** There may be something to do: looks now. */
  readonly poke: () => void
  /** Stops the work on contents that were deleted here; elsewhere they are missed within a third of a lease. */
  readonly drop: (contentIds: readonly string[]) => void
  /** Takes nothing up any more and gives back what is under way. */
  readonly close: () => Promise<void>
}

const RETRY: Backoff = { baseMs: 2000, maxMs: 300_000 }

type Running = { readonly job: KnowledgeJob; readonly stop: AbortController; readonly ended: Promise<void> }

export function startIngestion(options: IngestionOptions, deps: IngestionDeps): Ingestion {
  const { log, bases, db } = deps
  const running = new Map<string, Running>()
  const stopping = new AbortController()
  let looking: Promise<void> | undefined
  let again = false
  let poll: NodeJS.Timeout | undefined

  function poke(): void {
    if (stopping.signal.aborted || options.jobs === 0) return
    again = true
    looking ??= look().finally(() => (looking = undefined))
  }

  async function look(): Promise<void> {
    clearTimeout(poll)
    try {
      while (again && !stopping.signal.aborted && running.size < options.jobs) {
        again = false
        const knowledgeIds = bases.all().map(({ id }) => id)
        const job = await claimJob(db, { owner: options.replicaId, leaseMs: options.leaseMs, knowledgeIds })
        if (job === undefined) continue
        again = true
        take(job)
      }
    } catch (error) {
      log.warn('documents that wait could not be taken up, trying again', { error })
    }
    if (!stopping.signal.aborted) poll = setTimeout(poke, options.pollMs * (0.75 + randomFraction(deps.ids) / 2))
  }

  function take(job: KnowledgeJob): void {
    const stop = new AbortController()
    // Another attempt of the same content that has not heard yet that it was lost.
    running.get(job.content.id)?.stop.abort(new JobLost())
    const entry: Running = { job, stop, ended: work(job, stop.signal).then(() => leave(entry)) }
    running.set(job.content.id, entry)
  }

  function leave(entry: Running): void {
    if (running.get(entry.job.content.id) === entry) running.delete(entry.job.content.id)
    poke()
  }

  async function work(job: KnowledgeJob, signal: AbortSignal): Promise<void> {
    const started = deps.clock.monotonic()
    const end = (outcome: JobOutcome) => deps.onJob?.({ outcome, seconds: (deps.clock.monotonic() - started) / 1000 })
    try {
      if (job.tries > options.maxAttempts) throw exhausted(job)
      await runJob(job, deps, signal)
      end('completed')
      deps.onDone(job)
    } catch (error) {
      const outcome = await settle(job, signal.aborted ? (signal.reason as unknown) : error)
      if (outcome !== undefined) end(outcome)
    }
  }

  async function settle(job: KnowledgeJob, error: unknown): Promise<JobOutcome | undefined> {
    const fields = { content_id: job.content.id, knowledge_id: job.content.knowledgeId, name: job.content.name }
    try {
      if (error instanceof JobLost) {
        await forgetDeleted(deps, job.content)
        return undefined
      }
      if (error === STOPPED) {
        await returnJob(db, job, { waitMs: 0, counts: false })
        return undefined
      }
      if (mayPass(error) && job.tries < options.maxAttempts) {
        const waitMs = backoffMs(options.retry ?? RETRY, job.tries - 1, randomFraction(deps.ids))
        const message = `Try ${job.tries} failed, it is tried again: ${error.message}`
        await returnJob(db, job, { waitMs, counts: true, message })
        log.warn('a document could not be read, it is tried again', { ...fields, error, wait_ms: waitMs })
        return 'retried'
      }
      const message = error instanceof AgentOSError ? error.message : 'The server could not read it; its log says why'
      await failJob(db, job, { status: job.kind === 'ingest' ? 'failed' : 'completed', message })
      await abandonWriting(deps.store, {
        contentId: job.content.id,
        version: job.content.version,
        attempt: job.attempt,
      })
      log[error instanceof AgentOSError ? 'warn' : 'error']('a document could not be read', { ...fields, error })
      return 'failed'
    } catch (failure) {
      // The lease runs out, and the job is taken up again.
      log.warn('the end of a job of knowledge could not be stored', { ...fields, error: failure })
      return undefined
    }
  }

  const renewing = keepLeases({ running, options, deps })
  poke()
  return {
    poke,
    drop: (contentIds) => {
      for (const id of contentIds) running.get(id)?.stop.abort(new JobLost())
    },
    async close() {
      stopping.abort()
      clearTimeout(poll)
      await looking
      for (const { stop } of running.values()) stop.abort(STOPPED)
      await Promise.all(Array.from(running.values(), ({ ended }) => ended))
      clearTimeout(poll)
      await renewing.close()
    },
  }
}

/** Why the jobs of a server that stops are broken off. */
const STOPPED = new Error('the server is stopping')

function exhausted({ tries, content }: KnowledgeJob): AgentOSError {
  const message = `It was given up after ${tries - 1} tries${content.statusMessage === '' ? '' : `: ${content.statusMessage}`}`
  return new AgentOSError('ATTEMPTS_EXHAUSTED', message)
}

function mayPass(error: unknown): error is AgentOSError {
  if (!(error instanceof AgentOSError)) return false
  return error.code === 'DATABASE_UNAVAILABLE' || isPassing(error) || isPassingDocumentFailure(error)
}

type LeaseKeeping = {
  readonly running: ReadonlyMap<string, Running>
  readonly options: IngestionOptions
  readonly deps: Pick<IngestionDeps, 'db' | 'log'>
}

/** Renews the leases of all jobs in one statement; a job that is missing from the answer is not ours any more. */
function keepLeases({ running, options, deps }: LeaseKeeping): { readonly close: () => Promise<void> } {
  let renewing: Promise<void> | undefined
  const renew = async () => {
    const jobs = Array.from(running.values())
    try {
      const held = await renewJobs(
        deps.db,
        options.replicaId,
        jobs.map(({ job }) => job),
        options.leaseMs,
      )
      for (const { job, stop } of jobs) {
        if (held.get(job.content.id) !== job.attempt) stop.abort(new JobLost())
      }
    } catch (error) {
      // What runs out meanwhile is fenced when it writes.
      deps.log.warn('the leases of knowledge jobs could not be renewed', { error })
    }
  }
  const timer = setInterval(() => {
    if (running.size > 0) renewing ??= renew().finally(() => (renewing = undefined))
  }, options.leaseMs / 3)
  return {
    async close() {
      clearInterval(timer)
      await renewing
    },
  }
}
