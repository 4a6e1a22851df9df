import { createHash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ErasedRows, eraseUser } from './erase-user.ts'
import { type ExportedRow, exportUser } from './export-user.ts'
import { storeContent } from '../media.ts'
import { TABLES, tablesOf } from './personal-data.ts'
import { newTraceId } from '../testing/new-span.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

const run = (statement: ReturnType<typeof sql>) => statement.execute(database.db)

/** A row in every table that has any of a user, each with `mark` in it; two sessions, the second one without its user. */
async function fill(userId: string, mark: string, status = 'COMPLETED'): Promise<void> {
  // Longer than a line of base64.
  const text = `${mark} was here${'.'.repeat(100)}`
  const content = Buffer.from(text)
  const hash = createHash('sha256').update(content).digest('hex')
  await storeContent(database.db, { hash, bytes: content.length, pieces: [content] })
  await run(sql`update agentos_media_contents set touched_at = now() - interval '1 hour'`)
  for (const place of [1, 2]) {
    const [sessionId, runId, traceId] = [randomUUID(), `${place}-${randomUUID()}`, newTraceId()]
    const inSession = place === 1 ? userId : null
    await run(sql`insert into agentos_sessions (session_id, session_type, user_id, default_name)
      values (${sessionId}, 'agent', ${userId}, ${text})`)
    await run(sql`insert into agentos_runs (run_id, session_id, run_type, component_id, user_id, status, streamed, input)
      values (${runId}, ${sessionId}, 'agent', 'a', ${inSession}, ${status}, true, ${text})`)
    await run(sql`insert into agentos_messages (run_id, seq, message)
      select ${runId}, n, jsonb_build_object('text', ${text}::text) from generate_series(0, 149) n`)
    await run(sql`insert into agentos_run_events (day, run_id, first_index, last_index, events)
      select current_date, ${runId}, n, n, ${text} from generate_series(0, 29) n`)
    await run(sql`insert into agentos_approvals (
        approval_id, run_id, session_id, status, approval_type, pause_kind, run_type, component_id, tool_name, tool_input)
      values (${randomUUID()}, ${runId}, ${sessionId}, 'pending', 'required', 'confirmation', 'agent', 'a', 't',
        jsonb_build_array(${text}::text))`)
    await run(sql`insert into agentos_media (run_id, media_id, content_hash, mime_type, name)
      values (${runId}, ${randomUUID()}, ${hash}, 'text/plain', ${text})`)
    await run(sql`insert into agentos_traces (
        trace_id, name, session_id, user_id, input, status, start_time, end_time, total_spans, error_count)
      values (${traceId}, 'x', ${place === 1 ? sessionId : null}, ${place === 1 ? null : userId}, ${text}, 'OK', now(), now(), 1, 0)`)
    await run(sql`insert into agentos_spans (day, trace_id, span_id, name, kind, start_time, end_time, attributes)
      values (current_date, ${traceId}, ${randomUUID()}, 'x', 'AGENT', now(), now(), jsonb_build_object('a', ${text}::text))`)
  }
  await run(sql`insert into agentos_memories (memory_id, user_id, memory) values (${randomUUID()}, ${userId}, ${text})`)
  await run(sql`insert into agentos_learnings (learning_id, learning_type, user_id, content)
    values (${randomUUID()}, 'user_profile', ${userId}, jsonb_build_object('a', ${text}::text))`)
  await run(sql`insert into agentos_usage (day, user_id, run_type, provider, model, sessions, runs, input_tokens,
      output_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens)
    values (current_date, ${userId}, 'agent', '', '', 1, 0, 0, 0, 0, 0, 0, 0)`)
  const scheduleId = randomUUID()
  await run(sql`insert into agentos_schedules (schedule_id, user_id, name, method, endpoint, payload, cron_expr, timezone,
      timeout_seconds, max_retries, retry_delay_seconds, missed_policy, overlap_policy)
    values (${scheduleId}, ${userId}, ${randomUUID()}, 'POST', '/x', jsonb_build_object('a', ${text}::text), '', 'UTC', 1, 0, 1,
      'skip', 'skip')`)
  await run(sql`insert into agentos_schedule_runs (schedule_run_id, schedule_id, user_id, status, method, endpoint, payload,
      timeout_seconds, max_retries, retry_delay_seconds)
    values (${randomUUID()}, ${scheduleId}, ${userId}, 'success', 'POST', '/x', jsonb_build_object('a', ${text}::text), 1, 0, 1)`)
}

// Their rows name the user alone; the triggers of others write the second.
const USAGE = { agentos_usage: 1, agentos_usage_log: expect.any(Number) }

/** How many rows of each table hold `mark`, in any of their columns. */
async function findMark(mark: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  const encoded = Buffer.from(mark).toString('hex')
  for (const table of Object.keys(TABLES)) {
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from ${sql.table(table)} t
      where to_jsonb(t)::text like ${`%${mark}%`} or to_jsonb(t)::text like ${`%${encoded}%`}`.execute(database.db)
    if (rows[0]!.n > 0) found[table] = rows[0]!.n
  }
  return found
}

async function collect(userId: string): Promise<ExportedRow[]> {
  const rows: ExportedRow[] = []
  for await (const row of exportUser(database.db, userId)) rows.push(row)
  return rows
}

describe('the list of tables', () => {
  test('names every table of the schema, so that a new one is not forgotten', async () => {
    const { rows } = await sql<{ name: string }>`
      select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'ai') and c.relkind in ('r', 'p') and not c.relispartition
        and c.relname like 'agentos%'
      order by 1`.execute(database.db)
    const named = rows.map(({ name }) => name).filter((name) => !name.startsWith('agentos_knowledge_chunk'))
    expect(
      named.toSorted(),
      'storage/users/personal-data.ts must say of every table whose its rows are; add yours there and to this test',
    ).toEqual(Object.keys(TABLES).toSorted())
  })

  test('finds nobody without rows only in tables that name no user and hang on none that does', async () => {
    const { rows } = await sql<{ name: string; columns: string[]; parents: string[] }>`
      select c.relname as name,
        (select array_agg(a.attname::text) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) as columns,
        coalesce((select array_agg(p.relname::text) from pg_constraint f join pg_class p on p.oid = f.confrelid
          where f.conrelid = c.oid and f.contype = 'f'), '{}') as parents
      from pg_class c where c.relname in (${sql.join(Object.keys(TABLES))})`.execute(database.db)
    const personal = new Set(Object.keys(TABLES).filter((name) => TABLES[name]?.of !== 'nobody'))
    for (const { name, columns, parents } of rows) {
      if (personal.has(name)) continue
      expect(columns, `${name} has user_id, so it belongs to users: storage/users/personal-data.ts`).not.toContain(
        'user_id',
      )
      expect(
        parents.filter((parent) => personal.has(parent)),
        `${name} hangs on what users own`,
      ).toEqual([])
    }
  })
})

test('an export has everything of the user, whole, and nothing of anybody else', async () => {
  await fill('ann', 'MARK-ANN')
  await fill('bob', 'MARK-BOB')
  const rows = await collect('ann')
  const text = JSON.stringify(rows)
  expect(text).not.toContain('MARK-BOB')
  expect(text).toContain(Buffer.from(`MARK-ANN was here${'.'.repeat(100)}`).toString('base64'))
  const counts = Object.fromEntries(
    Map.groupBy(rows, ({ table }) => table)
      .entries()
      .map(([table, { length }]) => [table, length]),
  )
  expect(counts).toEqual({
    agentos_sessions: 2,
    agentos_runs: 2,
    agentos_messages: 300,
    agentos_run_events: 60,
    agentos_approvals: 2,
    agentos_media: 2,
    // The same bytes, once for each batch of runs that has them.
    agentos_media_contents: expect.any(Number),
    agentos_media_chunks: expect.any(Number),
    agentos_traces: 2,
    agentos_spans: 2,
    agentos_memories: 1,
    agentos_learnings: 1,
    agentos_schedules: 1,
    agentos_schedule_runs: 1,
    ...USAGE,
  })
  expect(Object.keys(counts).toSorted()).toEqual(tablesOf('user', 'session', 'run', 'trace', 'content').toSorted())
  expect(await collect('nobody')).toEqual([])
})

test('an erasure leaves nothing of the user in any table, says what went, and leaves all others alone', async () => {
  await fill('carl', 'MARK-CARL')
  const before = await findMark('MARK-BOB')
  await run(sql`update agentos_approvals set resolved_by = 'carl' where run_id in (
    select run_id from agentos_runs where user_id = 'bob')`)
  const erased: ErasedRows = await eraseUser(database.db, 'carl')
  expect(erased).toMatchObject({ agentos_sessions: 2, agentos_runs: 2, agentos_messages: 300, agentos_memories: 1 })
  expect(await findMark('MARK-CARL')).toEqual({})
  expect(await findMark('"carl"')).toEqual({})
  expect(await findMark('MARK-BOB')).toEqual(before)
  expect(await eraseUser(database.db, 'carl')).toEqual({})
})

test('bytes that somebody else refers to as well stay', async () => {
  await fill('dora', 'MARK-SHARED')
  await fill('emil', 'MARK-SHARED')
  await eraseUser(database.db, 'dora')
  expect(await findMark('MARK-SHARED')).toMatchObject({ agentos_media_chunks: 1, agentos_media: 2 })
})

test('while runs of the user wait or run, nothing is erased', async () => {
  await fill('fred', 'MARK-FRED', 'RUNNING')
  const before = await findMark('MARK-FRED')
  await expect(eraseUser(database.db, 'fred')).rejects.toMatchObject({ code: 'USER_BUSY' })
  expect(await findMark('MARK-FRED')).toEqual(before)
})

test('an erasure that broke off is gone on with', async () => {
  await fill('gina', 'MARK-GINA')
  await run(sql`delete from agentos_sessions where session_id in (
    select session_id from agentos_sessions where user_id = 'gina' limit 1)`)
  await run(sql`delete from agentos_memories where user_id = 'gina'`)
  await eraseUser(database.db, 'gina')
  const left = await findMark('MARK-GINA')
  // Events have no key to their run: of a run that is gone retention drops them.
  delete left['agentos_run_events']
  expect(left).toEqual({})
})
