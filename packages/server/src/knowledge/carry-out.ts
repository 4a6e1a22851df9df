/**
 * Carries one job out, to whatever end: done, failed for good, given back for later, or lost.
 * @module
 */
import { type Backoff, backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { isPassingDocumentFailure } from '../base/document.ts'
import { isPassing } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import { abandonWriting } from '../storage/knowledge/chunks.ts'
import { failJob, type KnowledgeJob, returnJob } from '../storage/knowledge/jobs.ts'
import type { Log } from '../telemetry/log.ts'
import { type IngestDeps, JobLost, runJob } from './ingest.ts'
import { forgetDeleted } from './remove-contents.ts'

export type CarryOptions = {
  /** Tries of a job, passing failures and lost replicas included. */
  readonly maxAttempts: number
  /** Waits between the tries of a job; default 2 seconds, doubled up to 5 minutes. */
  readonly retry?: Backoff
}

export type JobOutcome = 'completed' | 'failed' | 'retried'

export type CarryDeps = IngestDeps & {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Hears how each job has left this replica. Must not throw. */
  readonly onJob?: ((job: { readonly outcome: JobOutcome; readonly seconds: number }) => void) | undefined
  /** A job is done. Must not throw. */
  readonly onDone: (job: KnowledgeJob) => void
}

/** Why the jobs of a server that stops are broken off. */
export const STOPPED = new Error('the server is stopping')

const RETRY: Backoff = { baseMs: 2000, maxMs: 300_000 }

/** Never rejects. @param signal aborts with {@link STOPPED} or a `JobLost` */
export async function carryOut(
  job: KnowledgeJob,
  options: CarryOptions,
  deps: CarryDeps,
  signal: AbortSignal,
): Promise<void> {
  const started = deps.clock.monotonic()
  const end = (outcome: JobOutcome) => deps.onJob?.({ outcome, seconds: (deps.clock.monotonic() - started) / 1000 })
  try {
    if (job.tries > options.maxAttempts) throw exhausted(job)
    await runJob(job, deps, signal)
    end('completed')
    deps.onDone(job)
  } catch (error) {
    const outcome = await settle(job, signal.aborted ? (signal.reason as unknown) : error, options, deps)
    if (outcome !== undefined) end(outcome)
  }
}

async function settle(
  job: KnowledgeJob,
  error: unknown,
  options: CarryOptions,
  deps: CarryDeps,
): Promise<JobOutcome | undefined> {
  const { db, log } = deps
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
    await giveUp(job, error, deps)
    log[error instanceof AgentOSError ? 'warn' : 'error']('a document could not be read', { ...fields, error })
    return 'failed'
  } catch (failure) {
    // The lease runs out, and the job is taken up again.
    log.warn('the end of a job of knowledge could not be stored', { ...fields, error: failure })
    return undefined
  }
}

async function giveUp(job: KnowledgeJob, error: unknown, { db, store }: CarryDeps): Promise<void> {
  const { content, kind, attempt } = job
  const message = error instanceof AgentOSError ? error.message : 'The server could not read it; its log says why'
  // What could not be embedded anew can be found by its words.
  await failJob(db, job, { status: kind === 'ingest' ? 'failed' : 'completed', message })
  await abandonWriting(store, { contentId: content.id, version: content.version, attempt })
}

function exhausted({ tries, content }: KnowledgeJob): AgentOSError {
  const message = `It was given up after ${tries - 1} tries${content.statusMessage === '' ? '' : `: ${content.statusMessage}`}`
  return new AgentOSError('ATTEMPTS_EXHAUSTED', message)
}

function mayPass(error: unknown): error is AgentOSError {
  if (!(error instanceof AgentOSError)) return false
  return error.code === 'DATABASE_UNAVAILABLE' || isPassing(error) || isPassingDocumentFailure(error)
}
