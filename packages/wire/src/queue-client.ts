/**
 * The queue routes of the client.
 * @module
 */
import { QueueJob, QueueJobPage, type QueueJobsQuery, QueueStats } from './queue.ts'
import type { Transport } from './transport.ts'

export function createQueueClient({ ask }: Transport) {
  const pathOf = (jobId: string) => `/queue/jobs/${encodeURIComponent(jobId)}`
  return {
    stats: () => ask(QueueStats, '/queue/stats'),
    jobs: (query: Partial<QueueJobsQuery> = {}) => ask(QueueJobPage, '/queue/jobs', { query }),
    job: (jobId: string) => ask(QueueJob, pathOf(jobId)),
    requeue: (jobId: string) => ask(QueueJob, `${pathOf(jobId)}/requeue`, { method: 'POST' }),
  }
}
