/**
 * How long the pages of sessions, memories and usage take with 100 000 rows of each in the database, held against a route
 * that reads nothing. The rows are made in SQL.
 * @module
 */
import { createFolder } from '../e2e/agents-folder.ts'
import { connectPostgres, type PostgresClient } from '../e2e/postgres-client.ts'
import { startProvider } from '../e2e/provider-process.ts'
import { startServer } from '../e2e/server-process.ts'
import { oneAgent } from './agents.ts'
import { type Ask, timeAsk } from './asks.ts'
import { sized } from './options.ts'
import type { Figure } from './report.ts'
import type { Scenario } from './scenario.ts'

const USERS = 2_000
const AGENTS = 20
const RUNS_PER_SESSION = 3
/** Ids that the requests of one kind go through, so that not all of them ask for the same pages. */
const DIFFERENT = 200
/** Days that usage is spread over. */
const DAYS = 50

/** Reads nothing. */
const LEAST: Ask = { name: 'filter schema', paths: ['/traces/filter-schema'] }

export const pages: Scenario = async ({ database, size, say }) => {
  const rows = sized(size, { quick: 5_000, short: 100_000, full: 1_000_000 })
  const requests = sized(size, { quick: 40, short: 400, full: 1000 })
  await using provider = await startProvider()
  await using folder = await createFolder(oneAgent('clear'))
  const url = await database()
  const env = { ...provider.env, POSTGRES_URL: url, AGENTOS_WATCH: 'false' }
  await using server = await startServer({ dir: folder.path, env })
  await using db = await connectPostgres(url)
  say(`fills the database with ${rows} sessions, memories and rows of usage`)
  await fill(db, rows)
  say(`${requests} requests of each kind`)
  const figures: Figure[] = []
  for (const ask of asksFor(rows)) {
    figures.push(...(await timeAsk('pages', ask, { url: server.url, least: LEAST, requests })))
  }
  return figures
}

function asksFor(rows: number): readonly Ask[] {
  const upTo = (count: number, path: (n: number) => string) => Array.from({ length: count }, (_, n) => path(n))
  const middle = Math.floor(rows / 20 / 2)
  const spread = (path: (n: number) => string) => upTo(DIFFERENT, (n) => path(Math.floor((n * rows) / DIFFERENT)))
  return [
    { name: 'sessions, first page', paths: ['/sessions'] },
    { name: 'sessions, page 50', paths: ['/sessions?page=50'] },
    { name: 'sessions, middle page', paths: [`/sessions?page=${middle}`] },
    { name: 'sessions of an agent', paths: upTo(AGENTS, (n) => `/sessions?type=agent&component_id=agent-${n}`) },
    { name: 'sessions of a user', paths: upTo(DIFFERENT, (n) => `/sessions?user_id=user-${n}`) },
    {
      name: 'sessions by a part of the name',
      paths: upTo(DIFFERENT, (n) => `/sessions?session_name=question%20${n}9`),
    },
    { name: 'one session', paths: spread((n) => `/sessions/session-${n}`) },
    { name: 'runs of a session', paths: spread((n) => `/sessions/session-${n}/runs`) },
    { name: 'runs of a session in short', paths: spread((n) => `/sessions/session-${n}/run-previews`) },
    { name: 'memories, first page', paths: ['/memories'] },
    { name: 'memories of a user', paths: upTo(DIFFERENT, (n) => `/memories?user_id=user-${n}`) },
    { name: 'memories by a topic', paths: upTo(20, (n) => `/memories?topics=topic-${n}`) },
    {
      name: 'memories by a part of the text',
      paths: upTo(DIFFERENT, (n) => `/memories?search_content=colour%20${n}9`),
    },
    { name: 'memory topics', paths: ['/memory_topics'] },
    { name: 'memory statistics', paths: ['/user_memory_stats'] },
    { name: 'usage', paths: ['/metrics'] },
  ]
}

/** Triggers would count what is made here one row at a time; usage has rows of its own. */
async function fill(db: PostgresClient, rows: number): Promise<void> {
  await db.query(`set session_replication_role = replica`)
  await db.query(`insert into agentos_sessions
      (session_id, session_type, component_id, user_id, default_name, session_state, usage, created_at, updated_at)
    select 'session-' || n, 'agent', 'agent-' || n % ${AGENTS}, 'user-' || n % ${USERS}, 'My question ' || n,
      jsonb_build_object('cart', jsonb_build_array(n, n + 1), 'note', repeat('x', 200)), '{"totalTokens": 900}',
      now() - n * interval '20 seconds', now() - n * interval '10 seconds'
    from generate_series(0, ${rows - 1}) n`)
  await db.query(`insert into agentos_runs (run_id, session_id, run_type, component_id, user_id, status, streamed, input,
      content, content_type, created_at, finished_at)
    select 'run-' || n || '-' || k, 'session-' || n, 'agent', 'agent-' || n % ${AGENTS}, 'user-' || n % ${USERS},
      'COMPLETED', false, repeat('What is it? ', 20), to_jsonb(repeat('An answer. ', 60)), 'str',
      now() - n * interval '20 seconds' + k * interval '1 second', now() - n * interval '20 seconds' + k * interval '2 seconds'
    from generate_series(0, ${rows - 1}) n, generate_series(1, ${RUNS_PER_SESSION}) k`)
  await db.query(`insert into agentos_messages (run_id, seq, message)
    select run_id, seq, case seq
      when 0 then jsonb_build_object('role', 'user', 'id', 'u', 'createdAt', 1, 'content', input)
      else jsonb_build_object('role', 'assistant', 'id', 'a', 'createdAt', 2, 'usage', '{}'::jsonb,
        'parts', jsonb_build_array(jsonb_build_object('type', 'text', 'text', content #>> '{}'))) end
    from agentos_runs, generate_series(0, 1) seq`)
  await db.query(`insert into agentos_memories (memory_id, user_id, agent_id, memory, topics, created_at, updated_at)
    select 'memory-' || n, 'user-' || n % ${USERS}, 'agent-' || n % ${AGENTS}, 'Likes the colour ' || n || ' very much.',
      array['topic-' || n % 40, 'topic-' || n % 7], now() - n * interval '30 seconds', now() - n * interval '20 seconds'
    from generate_series(0, ${rows - 1}) n`)
  await db.query(`insert into agentos_usage (day, user_id, run_type, provider, model, sessions, runs, input_tokens,
      output_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens)
    select current_date - (n % ${DAYS})::integer, 'user-' || n / ${DAYS}, 'agent', 'openai', 'gpt-' || n % 3, 1, 3, 900,
      300, 1200, 0, 0, 0 from generate_series(0, ${rows - 1}) n`)
  await db.query(`insert into agentos_usage_days (day, run_type, provider, model, sessions, runs, input_tokens,
      output_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens)
    select day, run_type, provider, model, sum(sessions), sum(runs), sum(input_tokens), sum(output_tokens),
      sum(total_tokens), 0, 0, 0 from agentos_usage group by 1, 2, 3, 4`)
  await db.query(`insert into agentos_usage_users (day, users)
    select day, count(distinct user_id) from agentos_usage group by day`)
  await db.query('set session_replication_role = origin')
  await db.query('vacuum analyze')
}
