/**
 * Joining the stream of a run again.
 * @module
 */
import { z } from 'zod'
import { Id } from './json.ts'

/** Largest index of an event. */
const LAST_INDEX = 2_147_483_647

const EventIndex = z.int().min(-1).max(LAST_INDEX)

export const ResumeRequest = z
  .object({
    last_event_index: EventIndex.optional().describe(
      '`event_index` (or `id:`) of the last event you have; -1 for none.',
    ),
    session_id: Id.optional().describe('When given, the run must be of this session.'),
  })
  .meta({ id: 'ResumeRequest' })
export type ResumeRequest = z.infer<typeof ResumeRequest>

export const RunEventsQuery = z.object({
  last_event_id: EventIndex.optional().describe('As the header Last-Event-ID, which wins.'),
  session_id: Id.optional().describe('When given, the run must be of this session.'),
})
export const RunEventsHeaders = z.object({
  'last-event-id': EventIndex.optional().describe('The `id:` of the last event you have.'),
})

const status = z.string().describe('In lower case.')

/** Frames that `/resume` puts before and between events. */
export const ResumeFrame = z
  .discriminatedUnion('event', [
    z.object({
      event: z.literal('catch_up'),
      run_id: z.string(),
      status,
      missed_events: z.int(),
      current_event_count: z.int(),
      message: z.string(),
    }),
    z.object({
      event: z.literal('subscribed'),
      run_id: z.string(),
      status,
      current_event_count: z.int(),
      message: z.string(),
    }),
    z.object({
      event: z.literal('replay'),
      run_id: z.string(),
      status,
      total_events: z.int(),
      total_buffered: z.int(),
      last_event_index_requested: z.int(),
      message: z.string(),
    }),
    z.object({ event: z.literal('error'), error: z.string() }),
  ])
  .meta({ id: 'ResumeFrame' })
export type ResumeFrame = z.infer<typeof ResumeFrame>
