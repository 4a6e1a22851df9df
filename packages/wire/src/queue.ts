/**
 * Background runs as an operator sees them: jobs of the queue.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Id, JsonObject, pageOf } from './json.ts'

export const JobStatus = z
  .enum(['queued', 'running', 'completed', 'failed', 'cancelled', 'paused'])
  .meta({ id: 'JobStatus' })
export type JobStatus = z.infer<typeof JobStatus>

export const QueueJob = z
  .object({
    id: z.string().describe("The run's id."),
    component_type: z.enum(['agent', 'team', 'workflow']),
    component_id: z.string(),
    session_id: z.string(),
    job_type: z.literal('run'),
    user_id: z.string().nullable(),
    payload: JsonObject.describe('What was asked.'),
    status: JobStatus,
    priority: z.int(),
    attempt: z.int().describe('How often the run was claimed.'),
    lost_attempts: z.int().describe('Attempts that ended with their replica or worker.'),
    max_attempts: z.int().describe('So many lost attempts make it fail.'),
    idempotency_key: z.string().nullable(),
    available_at: EpochSeconds.nullable(),
    locked_by: z.string().nullable().describe('The replica that runs it.'),
    locked_at: EpochSeconds.nullable().describe('When its present attempt began.'),
    error: z.string().nullable(),
    created_at: EpochSeconds,
    updated_at: EpochSeconds,
    completed_at: EpochSeconds.nullable(),
  })
  .meta({ id: 'QueueJob' })
export type QueueJob = z.infer<typeof QueueJob>

export const QueueJobPage = pageOf(QueueJob)

export const QueueStats = z
  .object({
    counts: z
      .partialRecord(JobStatus, z.int())
      .describe('Background runs by status; a status without any is left out.'),
    oldest_queued_age_seconds: z.number().nullable(),
  })
  .meta({ id: 'QueueStats' })
export type QueueStats = z.infer<typeof QueueStats>

export const QueueJobsQuery = z.object({
  status: z.array(JobStatus).optional().describe('Any of these; repeat it.'),
  session_id: z.array(Id).optional().describe('Any of these; repeat it.'),
  user_id: Id.optional(),
  limit: z.int().min(1).max(1000).default(20),
  page: z.int().min(0).max(1_000_000).default(1).describe('From 1; 0 is the first page too.'),
  sort_by: z
    .string()
    .default('created_at')
    .describe(
      'created_at, updated_at, completed_at, status, attempt, component_type, component_id, user_id; else created_at.',
    ),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
})
export type QueueJobsQuery = z.infer<typeof QueueJobsQuery>

export const RequeueQuery = z.object({
  clear_cancellation: z.boolean().optional().describe('Accepted: requeueing always takes a cancellation back.'),
  force: z.boolean().optional().describe('Accepted: a replica that lost the run cannot write to it any more.'),
})
