/**
 * Metrics of the server: what `GET /api/metrics` answers.
 * @module
 */
import { z } from 'zod'

export const MetricPoint = z.object({
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  value: z.number().optional().describe('The present value; a histogram has the others instead.'),
  count: z.number().optional(),
  sum: z.number().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
})

export const ServerMetric = z.object({
  name: z.string(),
  type: z.enum(['counter', 'gauge', 'histogram']),
  unit: z.string(),
  description: z.string(),
  points: z.array(MetricPoint),
})

/** Of the replica that answers; counters and histograms since it started. */
export const ServerMetrics = z
  .object({
    replica_id: z.string(),
    collected_at: z.string().describe('ISO 8601, UTC'),
    metrics: z.array(ServerMetric).describe('By name; those without a value are left out.'),
  })
  .meta({ id: 'ServerMetrics' })
export type ServerMetrics = z.infer<typeof ServerMetrics>
