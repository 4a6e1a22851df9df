/**
 * How long the trace routes take with a million spans in the database, held against a route that reads nothing. Beside
 * them: what a span takes on disk, and how long the metrics of a server with a past take.
 * @module
 */
import { createFolder } from '../../e2e/agents-folder.ts'
import { until } from '../../e2e/condition.ts'
import { connectPostgres, type PostgresClient } from '../../e2e/postgres-client.ts'
import { startProvider } from '../../e2e/provider-process.ts'
import { startServer } from '../../e2e/server-process.ts'
import { oneAgent, runRoute } from '../agents.ts'
import { type Ask, timeAsk } from '../asks.ts'
import { sized } from '../options.ts'
import { load } from '../processes.ts'
import type { Figure } from '../report.ts'
import type { Scenario } from '../scenario.ts'
import { AGENTS, fillTraces, USERS } from './many-traces.ts'

/** The run, five calls of the model, four of the tool: ten spans. */
const RUN = 'What is the weather like in Oslo today? [fake:tool=look_up,calls=4,tokens=60]'
const SPANS_PER_TRACE = 10
/** Ids that the requests of one kind go through, so that not all of them ask for the same pages. */
const DIFFERENT = 200

/** Reads nothing. */
const LEAST: Ask = { name: 'filter schema', paths: ['/traces/filter-schema'] }

export const traces: Scenario = async ({ database, size, say }) => {
  const spans = sized(size, { quick: 20_000, short: 1_000_000, full: 10_000_000 })
  const requests = sized(size, { quick: 40, short: 200, full: 1000 })
  await using provider = await startProvider()
  await using folder = await createFolder(oneAgent('clear'))
  const url = await database()
  const env = { ...provider.env, POSTGRES_URL: url, AGENTOS_WATCH: 'false', AGENTOS_METRICS_PORT: '0' }
  await using server = await startServer({ dir: folder.path, env })
  await using db = await connectPostgres(url)
  await load({ kind: 'runs', url: runRoute(server.url), message: RUN, concurrency: 1, runs: 1 })
  await until('the trace of a run', async () => {
    const [row] = await db.query('select total_spans from agentos_traces')
    return Number(row?.[0]) === SPANS_PER_TRACE
  })
  say(`fills the database with ${spans} spans`)
  await fillTraces(db, spans / SPANS_PER_TRACE, say)

  const figures: Figure[] = await sizes(db)
  const asking = { url: server.url, least: LEAST, requests }
  const report = async (ask: Ask) => void figures.push(...(await timeAsk('traces', ask, asking)))
  say(`${requests} requests of each kind`)
  for (const ask of await asksFor(db)) await report(ask)
  await load({ kind: 'runs', url: runRoute(server.url), message: RUN, concurrency: 8, runs: 200 })
  const scraped = server.log.find(({ message }) => message === 'metrics are shown')?.['address']
  await report({ name: '/api/metrics', paths: ['/api/metrics'] })
  await report({ name: 'Prometheus scrape', paths: [String(scraped)] })
  return figures
}

/** What people and clients ask for; ids are spread over everything there is. */
async function asksFor(db: PostgresClient): Promise<readonly Ask[]> {
  const sample = await db.query(
    `select trace_id, session_id, run_id, to_char(start_time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      (select span_id from agentos_spans s where s.trace_id = t.trace_id and kind = 'TOOL' limit 1)
    from (select * from agentos_traces order by md5(trace_id) limit ${DIFFERENT}) t`,
  )
  const [row] = await db.query('select count(*) from agentos_traces')
  const lastPage = Math.floor(Number(row?.[0]) / 20)
  const each = (path: (values: readonly (string | null)[]) => string) => sample.map(path)
  const upTo = (count: number, path: (n: number) => string) => Array.from({ length: count }, (_, n) => path(n))
  const failed = { op: 'EQ', key: 'status', value: 'ERROR' }
  return [
    { name: 'list, first page', paths: ['/traces'] },
    { name: 'list, middle page', paths: [`/traces?page=${Math.floor(lastPage / 2)}`] },
    { name: 'list, last page', paths: [`/traces?page=${lastPage}`] },
    { name: 'list by session', paths: each(([, session]) => `/traces?session_id=${session}`) },
    { name: 'list by run', paths: each(([, , run]) => `/traces?run_id=${run}`) },
    { name: 'list by user', paths: upTo(Math.min(DIFFERENT, USERS), (n) => `/traces?user_id=user-${n}`) },
    { name: 'list by agent', paths: upTo(AGENTS, (n) => `/traces?agent_id=agent-${n}`) },
    { name: 'list by agent, page 50', paths: upTo(AGENTS, (n) => `/traces?agent_id=agent-${n}&page=50`) },
    { name: 'list of failures', paths: ['/traces?status=ERROR'] },
    { name: 'list of failures of an agent', paths: upTo(AGENTS, (n) => `/traces?status=ERROR&agent_id=agent-${n}`) },
    { name: 'list of successes', paths: ['/traces?status=OK'] },
    { name: 'list from a time on', paths: each(([, , , time]) => `/traces?start_time=${time}`) },
    { name: 'list up to a time', paths: each(([, , , time]) => `/traces?end_time=${time}`) },
    { name: 'one trace', paths: each(([trace]) => `/traces/${trace}`) },
    { name: 'one span', paths: each(([trace, , , , span]) => `/traces/${trace}?span_id=${span}`) },
    { name: 'sessions', paths: ['/trace_session_stats'] },
    { name: 'sessions, page 500', paths: ['/trace_session_stats?page=500'] },
    { name: 'sessions of an agent', paths: upTo(AGENTS, (n) => `/trace_session_stats?agent_id=agent-${n}`) },
    { name: 'sessions of a user', paths: upTo(DIFFERENT, (n) => `/trace_session_stats?user_id=user-${n}`) },
    { name: 'search, everything', paths: ['/traces/search'], body: {} },
    { name: 'search, failures', paths: ['/traces/search'], body: { filter: failed, limit: 100 } },
    {
      name: 'search, slow ones',
      paths: ['/traces/search'],
      body: { filter: { op: 'GT', key: 'duration_ms', value: 60_000 } },
    },
    {
      name: 'search, part of a name',
      paths: ['/traces/search'],
      body: { filter: { op: 'CONTAINS', key: 'session_id', value: 'abcd' } },
    },
    {
      name: 'search, failures by session',
      paths: ['/traces/search'],
      body: { filter: failed, group_by: 'session' },
    },
  ]
}

async function sizes(db: PostgresClient): Promise<Figure[]> {
  const [row] = await db.query(`select
    (select count(*) from agentos_spans),
    (select count(*) from agentos_traces),
    (select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and relname ~ '^agentos_spans'),
    (select sum(pg_indexes_size(oid)) from pg_class where relkind = 'r' and relname ~ '^agentos_spans'),
    pg_total_relation_size('agentos_traces'),
    pg_indexes_size('agentos_traces')`)
  const [spans = 0, traceCount = 0, spanBytes = 0, spanIndexes = 0, traceBytes = 0, traceIndexes = 0] =
    row?.map(Number) ?? []
  const bytes = (what: string, value: number): Figure => ({ name: `traces ${what}`, unit: 'B', value, better: 'less' })
  return [
    bytes('bytes per span', spanBytes / spans),
    bytes('of it indexes', spanIndexes / spans),
    bytes('bytes per row of a trace', traceBytes / traceCount),
    bytes('of it indexes, trace', traceIndexes / traceCount),
    bytes('bytes in all', spanBytes + traceBytes),
  ]
}
