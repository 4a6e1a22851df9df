/**
 * How the replica that answers does, at the moment, for operators.
 * @module
 */
import { z } from 'zod'
import { IsoTime } from './json.ts'

export const ServerStatus = z
  .object({
    replica_id: z.string(),
    version: z.string(),
    node: z.string(),
    started_at: IsoTime,
    uptime_seconds: z.number().describe('Of the process.'),
    ready: z.boolean(),
    reasons: z.record(z.string(), z.string()).describe('Why it is not ready, by part.'),
    event_loop: z
      .object({ p50_ms: z.number().nullable(), p99_ms: z.number().nullable(), max_ms: z.number().nullable() })
      .describe('How late the event loop of the main thread was within the last 10 seconds.'),
    memory_bytes: z.number().nullable().describe('Resident memory of the process, with its workers.'),
    runs: z.object({
      active: z.number().nullable().describe('Of this replica.'),
      waiting: z.number().nullable().describe('Of the fleet; null while the database does not answer.'),
      oldest_lease_seconds: z
        .number()
        .nullable()
        .describe(
          'Since the oldest lease of this replica was renewed, 0 without one; null while the database does not answer.',
        ),
      background_limit: z
        .number()
        .optional()
        .describe('Background runs at once on this replica; 0: it takes none from the queue.'),
    }),
    streams_open: z.number().describe('Event streams.'),
    database: z.object({
      engine: z.enum(['postgres', 'embedded']),
      pools: z
        .array(
          z.object({
            name: z.string(),
            used: z.number(),
            idle: z.number(),
            waiting: z.number().describe('Statements that wait for a connection.'),
            max: z.number(),
          }),
        )
        .describe('None on the embedded database.'),
    }),
    revision: z.string().nullable().describe('The revision of the agents folder that serves.'),
    desired: z.string().nullable().describe('The revision that the folder names now.'),
    generations: z
      .array(
        z.object({
          revision: z.string(),
          state: z.string().describe('serving, restarting, degraded or draining.'),
          runs: z.number(),
          credit: z
            .number()
            .describe('Events that its worker may send before it has to wait, of 16384; as it said a second ago.'),
        }),
      )
      .describe('That which serves, and those that drain.'),
    worker_ends: z.number().describe('Workers that ended by themselves since the start; each is started again.'),
    knowledge: z
      .array(
        z.object({
          id: z.string(),
          documents: z
            .object({
              ready: z.number(),
              reading: z.number().describe('Wait to be read, or are.'),
              failed: z.number().describe('Could not be read; `status_message` of each says why.'),
            })
            .nullable()
            .describe('Null while the database does not answer.'),
          chunks: z.number().nullable().describe('Of all documents; null while the database does not answer.'),
          embedder: z
            .object({
              name: z.string(),
              answers: z
                .boolean()
                .nullable()
                .describe('Whether it did the last time; null: not asked since the start.'),
              problem: z.string().nullable().describe('What was wrong the last time.'),
            })
            .nullable()
            .describe('Null where there is none.'),
          words_only: z.string().nullable().describe('Why searches go by words only at the moment; null: they do not.'),
        }),
      )
      .describe('The knowledge bases.'),
    spans: z
      .array(
        z.object({
          sink: z.string(),
          queued: z.number().describe('Wait to be sent; the oldest of more than 20000 are dropped.'),
          dropped: z.number().describe('Since the start.'),
        }),
      )
      .describe('Of traces, by where they go.'),
  })
  .meta({ id: 'ServerStatus' })
export type ServerStatus = z.infer<typeof ServerStatus>
