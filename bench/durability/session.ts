/**
 * Whether a run costs the more, the more runs its session has had. Runs of one session take turns with runs of sessions of
 * their own, which the same database, process and machine serve.
 * @module
 */
import { createFolder } from '../../e2e/agents-folder.ts'
import { connectPostgres, type PostgresClient } from '../../e2e/postgres-client.ts'
import { startProvider } from '../../e2e/provider-process.ts'
import { startServer } from '../../e2e/server-process.ts'
import { sized } from '../options.ts'
import { load } from '../processes.ts'
import { type Figure, median } from '../report.ts'
import type { Scenario } from '../scenario.ts'
import { DESK } from './agents.ts'
import { startCountingProxy } from './proxy.ts'

const LONG = 'long'
const MESSAGE = 'What is it like? [fake:tool=keyed,tokens=20]'

type Block = {
  readonly ms: number
  readonly wireBytes: number
  readonly storedBytes: number
  readonly failed: number
}

export const session: Scenario = async ({ database, size, say }) => {
  const { runs, block, warmUp } = sized(size, {
    quick: { runs: 60, block: 10, warmUp: 20 },
    short: { runs: 1000, block: 50, warmUp: 300 },
    full: { runs: 1000, block: 50, warmUp: 1000 },
  })
  await using provider = await startProvider()
  await using folder = await createFolder(DESK)
  const databaseUrl = await database()
  await using proxy = await startCountingProxy(databaseUrl)
  await using db = await connectPostgres(databaseUrl)
  const env = { ...provider.env, POSTGRES_URL: proxy.url, AGENTOS_WATCH: 'false' }
  await using server = await startServer({ dir: folder.path, env })
  const job = { kind: 'runs', url: `${server.url}/agents/desk/runs`, message: MESSAGE, concurrency: 1 } as const

  const measure = async (fields: Readonly<Record<string, string>>): Promise<Block> => {
    const before = { ...proxy.traffic(), stored: await rowBytes(db) }
    const result = await load({ ...job, runs: block, fields })
    const after = { ...proxy.traffic(), stored: await rowBytes(db) }
    return {
      ms: median(result.latencies),
      wireBytes: (after.bytes - before.bytes) / block,
      storedBytes: (after.stored - before.stored) / block,
      failed: result.failed,
    }
  }
  say(`${runs} runs of one session, as many of their own, ${block} of each in turn`)
  await load({ ...job, runs: warmUp })
  const same: Block[] = []
  const own: Block[] = []
  for (let done = 0; done < runs; done += block) {
    same.push(await measure({ session_id: LONG }))
    own.push(await measure({}))
  }
  const growth = (blocks: readonly Block[], key: keyof Block) =>
    (blocks.at(-1)?.[key] ?? Number.NaN) / (blocks[0]?.[key] ?? Number.NaN)
  const compare = (what: string, key: keyof Block): Figure => ({
    name: `session run ${runs} over run 1, ${what}`,
    unit: 'x',
    value: growth(same, key),
    limit: growth(own, key),
    better: 'less',
  })
  const last = same.at(-1)
  return [
    compare('time', 'ms'),
    compare('bytes on the wire', 'wireBytes'),
    compare('bytes stored', 'storedBytes'),
    {
      name: `session run ${runs} time`,
      unit: 'ms',
      value: last?.ms ?? Number.NaN,
      limit: own.at(-1)?.ms,
      better: 'less',
    },
    {
      name: `session run ${runs} bytes stored`,
      unit: 'B',
      value: last?.storedBytes ?? Number.NaN,
      limit: own.at(-1)?.storedBytes,
      better: 'less',
    },
    {
      name: 'session failed',
      unit: 'runs',
      value: [...same, ...own].reduce((sum, { failed }) => sum + failed, 0),
      better: 'less',
    },
  ]
}

/** Bytes of the rows of all runs, without pages and indexes. */
async function rowBytes(db: PostgresClient): Promise<number> {
  const [row] = await db.query(`select
    coalesce((select sum(pg_column_size(r)) from agentos_runs r), 0) +
    coalesce((select sum(pg_column_size(m)) from agentos_messages m), 0) +
    coalesce((select sum(pg_column_size(e)) from agentos_run_events e), 0) +
    coalesce((select sum(pg_column_size(s)) from agentos_sessions s), 0)`)
  return Number(row?.[0])
}
