/**
 * Tokens and times. Counts that are zero and values that are unknown are left out.
 * @module
 */
import { z } from 'zod'

const counts = {
  input_tokens: z.int().optional(),
  output_tokens: z.int().optional(),
  total_tokens: z.int().optional(),
  cache_read_tokens: z.int().optional(),
  cache_write_tokens: z.int().optional(),
  reasoning_tokens: z.int().optional(),
}

export const ModelMetrics = z.object({ ...counts, id: z.string(), provider: z.string() })
export type ModelMetrics = z.infer<typeof ModelMetrics>

export const MessageMetrics = z.object({
  ...counts,
  time_to_first_token: z.number().optional().describe('Seconds.'),
})
export type MessageMetrics = z.infer<typeof MessageMetrics>

export const RunMetrics = z
  .object({
    ...counts,
    time_to_first_token: z.number().optional().describe('Seconds.'),
    duration: z.number().optional().describe('Seconds.'),
    details: z
      .object({
        model: z.array(ModelMetrics).optional(),
        memory_model: z.array(ModelMetrics).optional(),
        session_summary_model: z.array(ModelMetrics).optional(),
      })
      .optional(),
  })
  .meta({ id: 'RunMetrics' })
export type RunMetrics = z.infer<typeof RunMetrics>

export const SessionMetrics = z.object(counts)
export type SessionMetrics = z.infer<typeof SessionMetrics>
