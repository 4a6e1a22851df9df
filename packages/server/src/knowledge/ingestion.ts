/**
 * Takes up the jobs of contents and keeps their leases: looks when somebody says that there is one, when one has ended,
 * and every `pollMs` whatever anybody says.
 *
 *   claimed --> done | failed for good | given back (a passing failure: later; the server stops: at once) | lost
 *
 * @module
 */
import { randomFraction } from '../base/ids.ts'
import { claimJob, type KnowledgeJob, renewJobs } from '../storage/knowledge/jobs.ts'
import { type CarryDeps, type CarryOptions, carryOut, STOPPED } from './carry-out.ts'
import { JobLost } from './ingest.ts'

export type IngestionOptions = CarryOptions & {
  readonly replicaId: string
  /** Jobs at once; 0 takes none up. */
  readonly jobs: number
  /** 1000 or more, in milliseconds. */
  readonly leaseMs: number
  readonly pollMs: number
}

export type Ingestion = {
  /** There may be something to do: looks now. */
  readonly poke: () => void
  /** Stops the work on contents that were deleted here; elsewhere they are missed within a third of a lease. */
  readonly drop: (contentIds: readonly string[]) => void
  /** Takes nothing up any more and gives back what is under way. */
  readonly close: () => Promise<void>
}

type Running = { readonly job: KnowledgeJob; readonly stop: AbortController; readonly ended: Promise<void> }

export function startIngestion(options: IngestionOptions, deps: CarryDeps): Ingestion {
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
    const entry: Running = { job, stop, ended: carryOut(job, options, deps, stop.signal).then(() => leave(entry)) }
    running.set(job.content.id, entry)
  }

  function leave(entry: Running): void {
    if (running.get(entry.job.content.id) === entry) running.delete(entry.job.content.id)
    poke()
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

type LeaseKeeping = {
  readonly running: ReadonlyMap<string, Running>
  readonly options: IngestionOptions
  readonly deps: Pick<CarryDeps, 'db' | 'log'>
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
