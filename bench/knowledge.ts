/**
 * Knowledge: how fast documents are read, and how long searches take with 20 000 and 200 000 chunks of which the vectors
 * are near each other in groups, as those of real texts are. Chunks for searches are made in SQL; recall is against a
 * comparison of all vectors.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { createFolder } from '../e2e/agents-folder.ts'
import { until } from '../e2e/condition.ts'
import { connectPostgres, type PostgresClient } from '../e2e/postgres-client.ts'
import { startProvider } from '../e2e/provider-process.ts'
import { startServer } from '../e2e/server-process.ts'
import { oneAgent } from './agents.ts'
import { sized } from './options.ts'
import { cpuMs, peakRssMb } from './processes.ts'
import { embedText } from './provider/embeddings.ts'
import { type Figure, median, quantile } from './report.ts'
import type { Scenario } from './scenario.ts'

const DIMENSIONS = 384
const EMBEDDER = `openai-compatible:fake-embedding@${DIMENSIONS}`
const SUBJECTS = 200
const CHUNKS_PER_DOCUMENT = 20
const UPLOADS_AT_ONCE = 8
/** Longest reading of all documents, in milliseconds. */
const READ_MS = 600_000
const TYPES = ['vector', 'keyword', 'hybrid'] as const

type Client = ReturnType<typeof createClient>

export const knowledge: Scenario = async ({ database, size, say }) => {
  const documents = sized(size, { quick: 50, short: 500, full: 2000 })
  const counts = sized(size, { quick: [6000], short: [20_000], full: [20_000, 200_000] })
  const searches = sized(size, { quick: 20, short: 200, full: 500 })
  await using provider = await startProvider()
  await using folder = await createFolder(oneAgent('clear'))
  const url = await database()
  const env = { ...provider.env, POSTGRES_URL: url, AGENTOS_WATCH: 'false', AGENTOS_EMBEDDER: EMBEDDER }
  await using server = await startServer({ dir: folder.path, env })
  const client = createClient({ baseUrl: server.url })
  await using db = await connectPostgres(url)

  say(`adds ${documents} documents`)
  const cpuBefore = await cpuMs(server.pid)
  const reading = readDocuments(client, db, documents)
  const [seconds, peak] = await Promise.all([reading, peakRssMb(server.pid, reading)])
  const figures: Figure[] = [
    { name: 'knowledge documents read', unit: 'documents/s', value: documents / seconds, better: 'more' },
    {
      name: 'knowledge CPU per document',
      unit: 'ms',
      value: ((await cpuMs(server.pid)) - cpuBefore) / documents,
      better: 'less',
    },
    { name: 'knowledge peak RSS while reading', unit: 'MB', value: peak, better: 'less' },
  ]
  for (const count of counts) {
    say(`fills the base with ${count} chunks`)
    await fill(db, count)
    for (const type of TYPES) figures.push(...(await timeSearches(client, type, { count, searches })))
    figures.push({
      name: `knowledge ${count} chunks, recall@10 of vectors`,
      unit: 'of 1',
      value: await measureRecall(client, db, searches / 10),
      better: 'more',
    })
  }
  return figures
}

/** @returns seconds until all are found */
async function readDocuments(client: Client, db: PostgresClient, count: number): Promise<number> {
  const started = performance.now()
  const left = Array.from({ length: count }, (_, n) => n).values()
  const upload = async () => {
    for (const n of left) {
      const paragraphs = Array.from({ length: 12 }, (_, part) => `${textOf(n, part)} `.repeat(8))
      await client.knowledge.add({ name: `document ${n}`, text_content: paragraphs.join('\n\n'), chunk_size: 1000 })
    }
  }
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, upload))
  const isOver = async () => {
    const rows = await db.query(`select 1 from agentos_knowledge_contents where status <> 'completed' limit 1`)
    return rows.length === 0
  }
  await until('all documents to be read', isOver, READ_MS)
  return (performance.now() - started) / 1000
}

const textOf = (n: number, part: number) =>
  `Subject${n % SUBJECTS} of chapter${part} explains how item${n} works and what it costs.`

/** Vectors near those of the subjects' names, no two of them the same, and texts that name them. */
async function fill(db: PostgresClient, count: number): Promise<void> {
  const index = `agentos_chunks_hnsw_${DIMENSIONS}`
  await db.query('truncate agentos_knowledge_contents, ai.agentos_documents cascade')
  // To make it anew takes a tenth of the time of filling it row by row.
  await db.query(`drop index if exists ai.${index}`)
  const centres = Array.from(
    { length: SUBJECTS },
    (_, n) => `(${n}, '[${[...embedText(subject(n), DIMENSIONS)].join(',')}]')`,
  )
  await db.query('create temporary table if not exists centres (subject integer primary key, v vector)')
  await db.query(`insert into centres values ${centres.join(',')} on conflict do nothing`)
  await db.query(`create temporary table if not exists noise as
    select m, (
      select array_agg(place) from (select (random() - 0.5) * 0.09 + 0 * m as place from generate_series(1, ${DIMENSIONS})) places
    )::vector as v
    from generate_series(0, 4999) m`)
  await db.query(`insert into ai.agentos_documents (content_id, knowledge_id, version, chunks, name)
    select 'made-' || n, 'default', 1, ${CHUNKS_PER_DOCUMENT}, 'made ' || n
    from generate_series(0, ${count / CHUNKS_PER_DOCUMENT - 1}) n`)
  await db.query(`insert into ai.agentos_chunks
      (content_id, version, chunk_index, knowledge_id, text, hash, words, embedder, embedding)
    select 'made-' || n / ${CHUNKS_PER_DOCUMENT}, 1, n % ${CHUNKS_PER_DOCUMENT}, 'default', made.text, md5(made.text),
      to_tsvector('english', made.text), '${EMBEDDER}', c.v + e.v + f.v
    from generate_series(0, ${count - 1}) n
    join centres c on c.subject = n % ${SUBJECTS}
    join noise e on e.m = n * 7919 % 5000
    join noise f on f.m = n / 5000,
    lateral (select 'Subject' || n % ${SUBJECTS} || ' of chapter' || n % 12 || ' explains how item' || n
      || ' works and what it costs.' as text) made`)
  await db.query(`set maintenance_work_mem = '1GB'`)
  await db.query(`create index if not exists ${index} on ai.agentos_chunks
    using hnsw ((embedding::vector(${DIMENSIONS})) vector_cosine_ops) where vector_dims(embedding) = ${DIMENSIONS}`)
  await db.query('vacuum analyze ai.agentos_chunks, ai.agentos_documents')
}

const subject = (n: number) => `Subject${n}`

async function timeSearches(
  client: Client,
  type: (typeof TYPES)[number],
  { count, searches }: { readonly count: number; readonly searches: number },
): Promise<Figure[]> {
  const latencies: number[] = []
  for (let n = -10; n < searches; n++) {
    const started = performance.now()
    await client.knowledge.search({ query: `What does Subject${(n + 10) % SUBJECTS} cost?`, search_type: type })
    if (n >= 0) latencies.push(performance.now() - started)
  }
  const name = (what: string) => `knowledge ${count} chunks, ${type} search ${what}`
  return [
    { name: name('p50'), unit: 'ms', value: median(latencies), better: 'less' },
    { name: name('p99'), unit: 'ms', value: quantile(latencies, 0.99), better: 'less' },
  ]
}

/** How many of the ten nearest a search finds, by their distances: many chunks are equally near. */
async function measureRecall(client: Client, db: PostgresClient, queries: number): Promise<number> {
  let found = 0
  let wanted = 0
  for (let n = 0; n < queries; n++) {
    const query = `${subject((n * 7) % SUBJECTS)} chapter${n % 12}`
    const vector = `[${[...embedText(query, DIMENSIONS)].join(',')}]`
    const rows = await db.query(`select max(distance) as farthest from (
      select embedding <=> '${vector}'::vector as distance from ai.agentos_chunks
      where knowledge_id = 'default' and embedder = '${EMBEDDER}' order by distance limit 10) nearest`)
    const farthest = Number(rows[0]?.[0])
    const { data } = await client.knowledge.search({ query, search_type: 'vector', max_results: 10 })
    wanted += 10
    found += data.filter(({ meta_data }) => 1 - Number(meta_data?.['similarity_score']) <= farthest + 1e-6).length
  }
  return found / wanted
}
