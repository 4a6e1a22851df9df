/**
 * What an answer rests on.
 * @module
 */
import { z } from 'zod'
import { Json } from './json.ts'

/** One search. */
export const MessageReferences = z
  .object({
    query: z.string(),
    references: z
      .array(Json)
      .describe('Best first; a document of a knowledge base has name, meta_data (page, source, ...) and content.'),
    time: z.number().describe('Seconds.'),
  })
  .meta({ id: 'MessageReferences' })
export type MessageReferences = z.infer<typeof MessageReferences>

/** What the provider of the model cites. */
export const Citations = z
  .object({
    urls: z.array(z.object({ url: z.string(), title: z.string().optional() })).optional(),
    documents: z
      .array(
        z.object({
          document_title: z.string(),
          cited_text: z.string().optional(),
          file_name: z.string().optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Citations' })
export type Citations = z.infer<typeof Citations>
