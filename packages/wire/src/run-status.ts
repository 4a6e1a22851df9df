/**
 * The states of a run.
 * @module
 */
import { z } from 'zod'

export const RunStatus = z
  .enum(['PENDING', 'RUNNING', 'COMPLETED', 'PAUSED', 'CANCELLED', 'ERROR', 'REGENERATED'])
  .meta({ id: 'RunStatus' })
export type RunStatus = z.infer<typeof RunStatus>
