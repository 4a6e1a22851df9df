/**
 * The metrics of this replica as JSON, for people who look without a monitoring system.
 * @module
 */
import { ServerMetrics } from '@agentos/wire'
import { viewMetrics } from '../../telemetry/metrics-view.ts'
import { route } from '../route.ts'

export const getMetrics = route({
  method: 'GET',
  path: '/api/metrics',
  scope: 'metrics:read',
  tag: 'Server',
  summary: 'Present values of all metrics of this replica',
  response: ServerMetrics,
  errors: [],
  async handle({ deps }) {
    const collected = await deps.metrics?.collect()
    const metrics = collected === undefined ? [] : viewMetrics(collected)
    return {
      replica_id: deps.replicaId,
      collected_at: new Date(deps.clock.now()).toISOString(),
      metrics: metrics.map((metric) => ({ ...metric, points: [...metric.points] })),
    }
  },
})
