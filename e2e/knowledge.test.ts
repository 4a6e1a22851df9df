/**
 * Knowledge from outside: documents of the agents folder and uploaded ones, the agent that answers from them and says
 * where it stands, and kill -9 of the server that reads them.
 * @module
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, ENGINES, type TestDatabase } from './database.ts'
import {
  contentAtRest,
  contentsRead,
  readContentStatus,
  searchKnowledge,
  uploadDocument,
} from './knowledge-requests.ts'
import { copyPreparedData, type DataDirectory } from './prepared-data.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { fake } from './script.ts'
import { type ServerProcess, startServer } from './server-process.ts'

/** A Python that has the client; tools/agno-client.ts installs one. */
const PYTHON = process.env['AGNO_PYTHON']
const SCRIPT = join(import.meta.dirname, 'agno', 'knowledge.py')
const EXAMPLES = join(import.meta.dirname, '..', 'examples', 'agents')
const WARRANTY = '# Warranty\n\nEvery lamp has a warranty of six years. Bulbs have none.\n'

describe.each(ENGINES)('knowledge without an embedder, on %s', (engine) => {
  let database: TestDatabase
  let data: DataDirectory
  let server: ServerProcess
  beforeAll(async () => {
    database = await createDatabase(engine)
    data = await copyPreparedData()
    server = await startServer({ dir: EXAMPLES, env: database.env, dataDir: data.path })
    await contentsRead(server.url, 2)
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await data?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
  })

  test('an agent answers from the documents beside it and names the one that says it', async () => {
    const client = createClient({ baseUrl: server.url })
    const run = await client.run('handbook', { message: 'What does shipping to Norway cost?' })
    expect(run.content).toContain('Shipping to Norway costs 12 euros')
    expect(run.content).toMatch(/Source: .*shipping\.md/)
    expect(run.tools).toMatchObject([{ tool_name: 'search_knowledge_base', tool_call_error: false }])
    expect(run.references).toMatchObject([
      { query: 'What does shipping to Norway cost?', time: expect.any(Number) as number },
    ])
    expect(run.references?.[0]?.references[0]).toMatchObject({
      name: expect.stringContaining('shipping.md') as string,
      content: expect.stringContaining('12 euros') as string,
    })
    const stored = await client.getRun('handbook', run.run_id, run.session_id)
    expect(stored.references).toEqual(run.references)
  })

  test('what is uploaded is found next, by its own words', async () => {
    const id = await uploadDocument(server.url, { name: 'warranty.md', text: WARRANTY, metadata: { team: 'lamps' } })
    expect(await contentAtRest(server.url, id)).toMatchObject({ status: 'completed' })
    const client = createClient({ baseUrl: server.url })
    const run = await client.run('handbook', { message: 'How long is the warranty of a lamp?' })
    expect(run.content).toContain('Every lamp has a warranty of six years.')
    expect(run.content).toMatch(/Source: .*warranty/)
  })

  test('filters of a run hold for what is searched, and a wrong one is refused by name', async () => {
    const ask = (knowledge_filters: object) =>
      createClient({ baseUrl: server.url }).run('handbook', { message: 'How long is the warranty?', knowledge_filters })
    expect((await ask({ team: 'lamps' })).references).toHaveLength(1)
    expect((await ask({ op: 'NOT', condition: { op: 'EQ', key: 'team', value: 'lamps' } })).content).not.toContain(
      'six years',
    )
    await expect(ask({ op: 'LIKE', key: 'team', value: 'x' })).rejects.toThrow('operator that is not known')
  })

  test('the search is part of the trace of its run', async () => {
    const client = createClient({ baseUrl: server.url })
    const run = await client.run('handbook', { message: 'Can gift cards be returned?' })
    const trace = await until('the trace', async () => {
      const { data } = await client.traces.list({ run_id: run.run_id })
      const [found] = data
      return found && client.traces.get(found.trace_id)
    })
    expect(JSON.stringify(trace)).toContain('"type":"RETRIEVER"')
  })
})

describe.each(ENGINES)('knowledge with an embedder, on %s', (engine) => {
  let database: TestDatabase
  let data: DataDirectory
  let provider: ProviderProcess
  let server: ServerProcess
  beforeAll(async () => {
    database = await createDatabase(engine)
    data = await copyPreparedData()
    provider = await startProvider({ record: 500 })
    await using folder = await createFolder({
      'desk.ts': agentSource('desk', `knowledge: 'default', addKnowledgeToContext: true, instructions: 'Be brief.'`),
    })
    const env = { ...provider.env, AGENTOS_EMBEDDER: 'openai-compatible:fake-embedding', ...database.env }
    server = await startServer({ dir: folder.path, env, dataDir: data.path })
    const texts = [
      ['refunds.md', 'A refund takes five working days. It goes to the card.'],
      ['cats.md', 'The cat sleeps on the warm roof of the barn all day.'],
      ['ships.md', 'Parcels leave the warehouse in the morning.'],
    ] as const
    for (const [name, text] of texts) await contentAtRest(server.url, await uploadDocument(server.url, { name, text }))
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await provider?.[Symbol.asyncDispose]()
    await data?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
  })

  test.each(['vector', 'keyword', 'hybrid'])('a %s search finds what the question is about first', async (type) => {
    const found = await searchKnowledge(server.url, { query: 'refunds to a card', search_type: type, max_results: 2 })
    expect(found.status).toBe(200)
    expect(found.contents[0]).toContain('A refund takes five working days.')
  })

  test('the model reads what was found behind what the user says', async () => {
    const message = `Where does the cat sleep? ${fake({ text: 'On the roof.' })}`
    const run = await createClient({ baseUrl: server.url }).run('desk', { message })
    expect(run.references?.[0]?.query).toBe(message)
    const asked = (await provider.requests()).findLast(({ body }) => body.includes('Where does the cat sleep?'))
    expect(asked?.body).toContain('<references>')
    expect(asked?.body).toContain('The cat sleeps on the warm roof')
  })
})

describe.each(ENGINES)('kill -9 while a document is read, on %s', (engine) => {
  test(
    'the document is completed by the server that comes next, and what was embedded stays',
    { timeout: 120_000 },
    async () => {
      await using database = await createDatabase(engine)
      await using data = await copyPreparedData()
      await using provider = await startProvider({ record: 2_000 })
      await using folder = await createFolder({ 'desk.ts': agentSource('desk', `knowledge: 'default'`) })
      const env = { ...provider.env, AGENTOS_EMBEDDER: 'openai-compatible:fake:first=400', ...database.env }
      const options = { dir: folder.path, env, dataDir: data.path }
      const text = Array.from({ length: 240 }, (_, index) => `Paragraph ${index} tells of thing number ${index}.`).join(
        '\n\n',
      )
      let id: string
      const before: string[] = []
      {
        await using first = await startServer(options)
        id = await uploadDocument(first.url, { name: 'long.md', text, chunkSize: 60 })
        await until('some of it to be embedded', async () => (await embedded(provider)).length > 128, 40_000)
        expect((await readContentStatus(first.url, id)).status).toBe('processing')
        await first.kill()
        before.push(...(await embedded(provider)))
      }
      await using second = await startServer(options)
      expect(await contentAtRest(second.url, id)).toMatchObject({ status: 'completed' })
      const all = await embedded(provider)
      const again = all.slice(before.length).filter((chunk) => before.includes(chunk))
      // What was under way when it died is asked for once more.
      expect(again.length).toBeLessThan(before.length)
      const found = await searchKnowledge(second.url, {
        query: 'thing number 239',
        search_type: 'keyword',
        max_results: 1,
      })
      expect(found.contents[0]).toContain('Paragraph 239')
      const run = await createClient({ baseUrl: second.url }).run('desk', {
        message: `Tell me of 239 ${fake({ tool: 'search_knowledge_base', args: { query: 'thing number 239' }, text: 'Done' })}`,
      })
      expect(JSON.stringify(run.references)).toContain('Paragraph 239')
    },
  )
})

// Without Python there is nothing to run; `npm test` reports that as skipped.
describe.skipIf(PYTHON === undefined).each(ENGINES)("Agno's client on %s", (engine) => {
  test('uploads, lists, searches, renames and deletes documents, and asks the agent that knows them', async () => {
    await using database = await createDatabase(engine)
    await using data = await copyPreparedData()
    await using server = await startServer({ dir: EXAMPLES, env: database.env, dataDir: data.path })
    await contentsRead(server.url, 2)
    const { stdout, stderr } = await promisify(execFile)(PYTHON ?? '', [SCRIPT, server.url], {
      env: { PATH: process.env['PATH'], AGNO_TELEMETRY: 'false' },
    })
    // The client logs fields that it does not understand, and goes on.
    expect(stderr).not.toMatch(/error|unknown event/i)
    const seen: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    expect(seen).toMatchObject({
      instances: 1,
      config: {
        readers: expect.arrayContaining(['pdf', 'markdown', 'csv']) as string[],
        chunkers: expect.arrayContaining(['RecursiveChunker']) as string[],
      },
      uploaded: 'processing',
      status: 'completed',
      found: [{ name: 'warranty.md', team: 'lamps' }],
      listed: expect.arrayContaining(['warranty.md']) as string[],
      one: { name: 'warranty.md', description: 'What is guaranteed', metadata: { team: 'lamps' }, status: 'completed' },
      run: {
        content: expect.stringContaining('six years') as string,
        references: [{ query: 'How long is the warranty of a lamp?', count: 1 }],
        last: 'RunCompleted',
        last_references: 1,
      },
      renamed: { name: 'guarantee.md', metadata: { team: 'light' } },
      deleted: true,
    })
    expect(stdout).not.toMatch(/"after": \[[^\]]*guarantee/)
  })
})

/** Texts that were embedded, in the order of their requests. */
async function embedded(provider: ProviderProcess): Promise<readonly string[]> {
  const requests = await provider.requests()
  return requests.flatMap(({ body }) => {
    const { input = [] } = JSON.parse(body) as { readonly input?: readonly string[] }
    return input
  })
}
