/**
 * Places in the transcript of a run that it can be continued from.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds } from './json.ts'
import { RunOutput } from './run.ts'
import { RunStatus } from './run-status.ts'

export const Checkpoint = z
  .object({
    checkpoint_id: z.string().nullable().describe('Place in the list, from 1; null where the list has none.'),
    run_id: z.string(),
    session_id: z.string(),
    message_index: z.int().describe('How many messages are before it.'),
    continue_from: z.int(),
    status: RunStatus,
    reason: z.enum(['checkpoint', 'end', 'snapshot']),
    created_at: EpochSeconds,
    message_id: z.string().nullable(),
    message_role: z.string().nullable(),
    message_preview: z.string().nullable(),
    is_latest: z.boolean(),
  })
  .meta({ id: 'Checkpoint' })
export type Checkpoint = z.infer<typeof Checkpoint>

export const CheckpointList = z.object({
  run_id: z.string(),
  session_id: z.string(),
  checkpoints: z.array(Checkpoint),
})
export const CheckpointSnapshot = z.object({ checkpoint: Checkpoint, snapshot: RunOutput })
export type CheckpointSnapshot = z.infer<typeof CheckpointSnapshot>

export const SessionFork = z.object({ session_id: z.string(), forked_from_session_id: z.string() })
