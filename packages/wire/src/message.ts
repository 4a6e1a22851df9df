/**
 * One message of a transcript. Keys that are null or empty are left out.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Json } from './json.ts'
import { MediaList } from './media.ts'
import { Citations } from './references.ts'
import { MessageMetrics } from './metrics.ts'

export const MessageToolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string().describe('JSON as text.') }),
})

export const Message = z
  .object({
    id: z.string(),
    content: z.string().optional(),
    reasoning_content: z.string().optional(),
    citations: Citations.optional(),
    from_history: z.boolean(),
    stop_after_tool_call: z.boolean(),
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    tool_call_id: z.string().optional(),
    tool_name: z.string().optional(),
    tool_args: Json.optional(),
    tool_call_error: z.boolean().optional(),
    tool_calls: z.array(MessageToolCall).optional(),
    metrics: MessageMetrics.optional(),
    images: MediaList.optional(),
    videos: MediaList.optional(),
    audio: MediaList.optional(),
    files: MediaList.optional(),
    created_at: EpochSeconds,
  })
  .meta({ id: 'Message' })
export type Message = z.infer<typeof Message>
