/**
 * What the database holds, for operators. Sizes are bytes.
 * @module
 */
import { z } from 'zod'
import { IsoTime } from './json.ts'

export const StorageReport = z
  .object({
    database_bytes: z.int().describe('The whole database, with what is not ours.'),
    tables: z.array(
      z.object({
        name: z.string(),
        rows: z.int(),
        is_estimate: z.boolean().describe('Whether rows is an estimate of PostgreSQL, as for large tables.'),
        table_bytes: z.int(),
        index_bytes: z.int(),
        toast_bytes: z.int().describe('Long values, which are kept beside the table.'),
      }),
    ),
    event_partitions: z.array(
      z.object({
        name: z.string(),
        day: z.string().nullable().describe('In UTC; null for what no other partition takes.'),
        bytes: z.int(),
      }),
    ),
    oldest_run_at: IsoTime.nullable().describe('When the run was created that ended the longest ago.'),
  })
  .meta({ id: 'StorageReport' })
export type StorageReport = z.infer<typeof StorageReport>
