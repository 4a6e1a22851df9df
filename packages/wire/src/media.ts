/**
 * What is attached to messages: as it is sent, and as it is shown.
 * @module
 */
import { z } from 'zod'
import { Id, JsonObject } from './json.ts'

/** As Agno's clients send it; a route tells what is wrong with one. */
export const MediaInputs = z.array(JsonObject).optional()

/** Where the bytes of a medium are: GET /sessions/{session_id}/media/{storage_key}. */
export const MediaReference = z
  .object({
    media_id: z.string(),
    storage_key: z.string(),
    session_id: z.string(),
    storage_backend: z.string(),
    mime_type: z.string(),
    filename: z.string().optional(),
    size: z.int().describe('Bytes.'),
    content_hash: z.string().describe('SHA-256, hexadecimal.'),
    media_type: z.enum(['image', 'audio', 'video', 'file']),
  })
  .meta({ id: 'MediaReference' })
export type MediaReference = z.infer<typeof MediaReference>

/** A medium with its reference, or with the URL that it was sent with, and whatever else its sender said of it. */
export const Media = z
  .looseObject({
    id: z.string(),
    url: z.string().optional(),
    mime_type: z.string(),
    media_reference: MediaReference.optional(),
  })
  .meta({ id: 'Media' })
export type Media = z.infer<typeof Media>

export const MediaList = z.array(Media)

export const MediaParams = z.object({ id: Id, key: z.string().min(1) })
export const MediaHeaders = z.object({
  range: z
    .string()
    .optional()
    .describe('One range of bytes, `bytes=0-1023`. Several at once are answered with all bytes.'),
  'if-range': z.string().optional().describe('An ETag: the range counts only while that is still the one.'),
  'if-none-match': z.string().optional().describe('ETags: when one of them is still the one, the answer is 304.'),
})
