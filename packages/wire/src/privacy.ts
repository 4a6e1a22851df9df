/**
 * What is held of one user, handed out and erased.
 * @module
 */
import { z } from 'zod'
import { Id, IsoTime } from './json.ts'

export const UserParams = z.object({ user_id: Id })

/**
 * A line of an export. The first one says of whom, the last one how many rows came between: without it, the export broke
 * off.
 */
export const ExportLine = z
  .union([
    z.object({ user_id: z.string(), exported_at: IsoTime }),
    z.object({ table: z.string(), row: z.record(z.string(), z.any()) }),
    z.object({ complete: z.literal(true), rows: z.int() }),
  ])
  .meta({ id: 'ExportLine' })
export type ExportLine = z.infer<typeof ExportLine>

export const Erasure = z
  .object({
    user_id: z.string(),
    erased: z.record(z.string(), z.int()).describe('Rows by table; those with none are left out.'),
  })
  .meta({ id: 'Erasure' })
export type Erasure = z.infer<typeof Erasure>
