/**
 * What a run changes in the memories of its user, as part of the statement that ends it or as one of its own. Every
 * change names the memory it is about, so making it twice makes it once.
 * Invariant: only memories of the run's own user change.
 * @module
 */
import { sql, type RawBuilder } from 'kysely'
import type { MemoryChange } from '../../base/memory.ts'
import type { Db } from '../tables.ts'
import { jsonText } from '../values.ts'

/** Whose memories, and for which agent they are changed. */
export type MemoryWriter = {
  readonly userId: string
  readonly agentId: string
  /** Most memories of the user; what would be more is left out. */
  readonly limit: number
}

/** Makes the changes now. @returns how many memories were written or deleted */
export async function changeMemories(
  db: Db,
  changes: readonly MemoryChange[],
  { userId, agentId, limit }: MemoryWriter,
): Promise<number> {
  if (changes.length === 0) return 0
  const made = await sql<{ total: number }>`
    with writer as (
      select ${userId}::text as user_id, 'agent'::text as run_type, ${agentId}::text as component_id
    ), ${memoryChanges('writer', changes, limit)}
    select (select count(*) from memories_added) + (select count(*) from memories_updated)
      + (select count(*) from memories_deleted) as total`.execute(db)
  return made.rows[0]?.total ?? 0
}

/**
 * CTEs that make the changes for the one row of `source`, which has `user_id`, `run_type` and `component_id`; without a
 * user nothing changes.
 * @param limit most memories of the user; undefined leaves the count to the caller
 */
export function memoryChanges(
  source: string,
  changes: readonly MemoryChange[],
  limit: number | undefined,
): RawBuilder<unknown> {
  const writer = sql.raw(source)
  const room =
    limit === undefined
      ? sql``
      : sql`limit greatest(0, ${limit}::bigint - (
          select count(*) from agentos_memories where user_id = (select user_id from ${writer})
        ))`
  const known = sql`(
        select 1 from agentos_memories k where k.memory_id = c.memory_id
      )`
  return sql`memory_changes as (
      select c.value ->> 'type' as type, c.value ->> 'memoryId' as memory_id, c.value ->> 'memory' as memory,
        array(select jsonb_array_elements_text(c.value -> 'topics')) as topics, c.place
      from jsonb_array_elements(${jsonText(changes)}::jsonb) with ordinality as c (value, place)
    ), memories_added as (
      insert into agentos_memories (memory_id, user_id, agent_id, team_id, memory, topics)
      select memory_id, user_id, case run_type when 'agent' then component_id end,
        case run_type when 'team' then component_id end, memory, topics
      from (
        select c.memory_id, c.memory, c.topics, w.user_id, w.run_type, w.component_id
        from memory_changes c, ${writer} w
        where c.type = 'add' and w.user_id is not null and not exists ${known}
        order by c.place ${room}
      ) added
      on conflict (memory_id) do nothing
      returning memory_id
    ), memories_updated as (
      update agentos_memories m set
        memory = c.memory, topics = c.topics, updated_at = now(),
        agent_id = case w.run_type when 'agent' then w.component_id end,
        team_id = case w.run_type when 'team' then w.component_id end
      from memory_changes c, ${writer} w
      where c.type = 'update' and m.memory_id = c.memory_id and m.user_id = w.user_id
      returning m.memory_id
    ), memories_deleted as (
      delete from agentos_memories m using memory_changes c, ${writer} w
      where m.user_id = w.user_id and (c.type = 'clear' or (c.type = 'delete' and m.memory_id = c.memory_id))
      returning m.memory_id
    )`
}
