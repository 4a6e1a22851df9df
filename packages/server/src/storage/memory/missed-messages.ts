/**
 * What users said while no memory manager could read it: noted on its run, read later beside another run of the same user
 * and agent, given up when it fails again and again. Notes change in the statement that ends a run.
 * @module
 */
import { sql, type RawBuilder } from 'kysely'
import type { MemoryBacklog, MissedMessage } from '../../base/memory.ts'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

/** Misses at which a message is given up: it may be what the manager fails on. The index of the list knows it too. */
const GIVEN_UP = 4

/** Messages read at once, and the characters of each. */
const MOST_MESSAGES = 5
const MOST_CHARACTERS = 4000

export type MissedMessageQuery = { readonly userId: string; readonly agentId: string; readonly runId: string }

/** The oldest of the user's messages to the agent that were missed, in other runs than `runId`, oldest first. */
export async function listMissedMessages(
  db: Db,
  { userId, agentId, runId }: MissedMessageQuery,
): Promise<MissedMessage[]> {
  const found = await sql<{ run_id: string; message: string }>`
    select run_id, left(input, ${MOST_CHARACTERS}::integer) as message from agentos_runs
    where user_id = ${userId} and component_id = ${agentId} and memory_misses < ${sql.lit(GIVEN_UP)} and run_id <> ${runId}
    order by created_at limit ${MOST_MESSAGES}`.execute(db)
  return found.rows.map(({ run_id, message }) => ({ runId: run_id, message }))
}

/** Assignments for the run that ends. */
export function ownMiss({ isMissed = false }: Partial<MemoryBacklog> = {}): RawBuilder<unknown> {
  return isMissed ? sql`, memory_misses = 1` : sql``
}

/**
 * A CTE `made_up` that notes what became of the messages of earlier runs, for the run in `source`; only those of its own user
 * and agent change. One that another run ends with in this moment is left to that.
 */
export function earlierMisses(source: string, { madeUp, failed }: MemoryBacklog): RawBuilder<unknown> {
  return sql`made_up as (
      update agentos_runs r set
        memory_misses = case when r.run_id = any(${textArray(failed)}::text[]) then r.memory_misses + 1 end
      from (
        select m.run_id from agentos_runs m, ${sql.raw(source)} w
        where m.run_id = any(${textArray([...madeUp, ...failed])}::text[])
          and m.user_id = w.user_id and m.component_id = w.component_id and m.memory_misses < ${sql.lit(GIVEN_UP)}
        order by m.run_id for no key update of m skip locked
      ) missed where r.run_id = missed.run_id
    )`
}
