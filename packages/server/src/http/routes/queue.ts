/**
 * The queue for operators: how long it is, what is in it, and another try for what failed.
 * @module
 */
import { QueueJob, QueueJobPage, QueueJobsQuery, QueueStats, RequeueQuery } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { findJob, type JobSort, listJobs, queueStats } from '../../storage/runs/queue.ts'
import type { Run } from '../../storage/runs/runs.ts'
import { toQueueJob, toQueueStats, toRunStatuses } from '../agno/job.ts'
import type { AppDeps } from '../deps.ts'
import { startPage } from '../page.ts'
import { route } from '../route.ts'

const tag = 'Queue'
const JobParams = z.object({ job_id: z.string() })

/** Agno's names of what jobs can be sorted by. */
const SORTS: Readonly<Record<string, JobSort>> = {
  created_at: 'created_at',
  updated_at: 'updated_at',
  completed_at: 'finished_at',
  status: 'status',
  attempt: 'attempt',
  component_type: 'run_type',
  component_id: 'component_id',
  user_id: 'user_id',
}

export const getQueueStats = route({
  method: 'GET',
  path: '/queue/stats',
  scope: 'queue:read',
  tag,
  summary: 'How many background runs there are by status, and how long the oldest one waits',
  response: QueueStats,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ deps }) {
    return toQueueStats(await queueStats(deps.database.db), deps.clock.now())
  },
})

export const getQueueJobs = route({
  method: 'GET',
  path: '/queue/jobs',
  scope: 'queue:read',
  tag,
  summary: 'List background runs, a page at a time',
  query: QueueJobsQuery,
  response: QueueJobPage,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ query, deps }) {
    const page = startPage(deps.clock, query)
    const { jobs, total } = await listJobs(deps.database.db, {
      statuses: toRunStatuses(query.status ?? []),
      sessionIds: query.session_id,
      userId: query.user_id,
      limit: query.limit,
      page: query.page,
      sortBy: Object.hasOwn(SORTS, query.sort_by) ? SORTS[query.sort_by] : undefined,
      sortOrder: query.sort_order,
    })
    return page(jobs.map(toQueueJob), total)
  },
})

export const getQueueJob = route({
  method: 'GET',
  path: '/queue/jobs/{job_id}',
  scope: 'queue:read',
  tag,
  summary: 'Read one background run',
  params: JobParams,
  response: QueueJob,
  errors: ['JOB_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    return toQueueJob(await findOrFail(deps, params.job_id))
  },
})

export const requeueJob = route({
  method: 'POST',
  path: '/queue/jobs/{job_id}/requeue',
  scope: 'queue:write',
  tag,
  summary: 'Give a failed or cancelled background run another try, from where it got to',
  params: JobParams,
  query: RequeueQuery,
  response: QueueJob,
  errors: ['JOB_NOT_FOUND', 'JOB_NOT_REQUEUEABLE', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const requeued = await deps.runs.requeue(params.job_id)
    if (requeued) return toQueueJob(requeued)
    const { status } = toQueueJob(await findOrFail(deps, params.job_id))
    throw new AgentOSError('JOB_NOT_REQUEUEABLE', `Job ${params.job_id} is ${status} and cannot be requeued`)
  },
})

async function findOrFail(deps: AppDeps, jobId: string): Promise<Run> {
  const job = await findJob(deps.database.db, jobId)
  if (job) return job
  throw new AgentOSError('JOB_NOT_FOUND', `Job queue job ${jobId} not found`)
}
