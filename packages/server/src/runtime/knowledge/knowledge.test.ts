import { knowledge, type AgentOptions } from '@agentos/sdk'
import { describe, expect, test } from 'vitest'
import type { Ask, AskKind } from '../../base/ask.ts'
import { AgentOSError } from '../../base/errors.ts'
import type { KnowledgeHit } from '../../base/knowledge.ts'
import { referencesOf } from '../../base/references.ts'
import { call, say, testRun, type TestRunOptions } from '../test-run.ts'

const HITS: readonly KnowledgeHit[] = [
  {
    id: 'c1-0',
    contentId: 'c1',
    name: 'refunds.md',
    origin: 'docs/refunds.md',
    text: 'Refunds take five days.',
    metadata: { page: 1, team: 'legal' },
    score: 0.9,
  },
  {
    id: 'c2-0',
    contentId: 'c2',
    name: 'site',
    origin: 'https://x.example/a',
    text: 'Ships free.',
    metadata: {},
    score: 0.1,
  },
]
const DOCUMENTS = [
  {
    name: 'refunds.md',
    meta_data: { source: 'docs/refunds.md', page: 1, team: 'legal' },
    content: 'Refunds take five days.',
  },
  { name: 'site', meta_data: { source: 'https://x.example/a' }, content: 'Ships free.' },
]
/** As the main thread answers. */
const finding = (hits: unknown = HITS, notes: readonly string[] = []) => ({ hits, notes })
const SEARCH = call(['search_knowledge_base', { query: 'refund time' }])

/** Answers what a run asks for, and keeps it. */
function answering(answers: Partial<Record<AskKind, unknown>>) {
  const asked: [AskKind, unknown][] = []
  const ask = ((kind: AskKind, question: unknown) => {
    asked.push([kind, question])
    const answer = answers[kind]
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }) as Ask
  return { asked, ask }
}

async function run(
  agent: AgentOptions,
  options: Partial<TestRunOptions> & { answers?: Partial<Record<AskKind, unknown>> } = {},
) {
  const { answers = { 'search-knowledge': finding() }, ports, turns = [say('Hi')], ...rest } = options
  const { asked, ask } = answering(answers)
  const done = await testRun({ agent, turns, ...rest, ports: { ask, ...ports } })
  const results = done.messages.flatMap((message) => (message.role === 'tool' ? [message] : []))
  const prompt = done.messages.find(({ role }) => role === 'system')
  const user = done.messages.find(({ role }) => role === 'user')
  return { ...done, asked, results, prompt: prompt?.role === 'system' ? prompt.content : '', user }
}

describe('an agent with knowledge', () => {
  test('has a tool to search it, and is told to', async () => {
    const { requests, prompt } = await run({ knowledge: 'handbook' })
    expect(requests[0]?.tools.map(({ name, parameters }) => [name, parameters['required']])).toEqual([
      ['search_knowledge_base', ['query']],
    ])
    expect(prompt).toContain('<knowledge_base>\nThere is a knowledge base')
  })

  test('gets what it searches for as JSON, which the message marks as found', async () => {
    const { asked, results, messages } = await run({ knowledge: 'handbook' }, { turns: [SEARCH, say('Five days.')] })
    expect(asked).toEqual([['search-knowledge', { knowledgeId: 'handbook', query: 'refund time', filters: [] }]])
    expect(results[0]).toMatchObject({ isError: false, retrieval: { query: 'refund time', from: 0 } })
    expect(results[0]?.content).toBe(JSON.stringify(DOCUMENTS, null, 2))
    expect(referencesOf(messages)).toMatchObject([{ query: 'refund time', documents: DOCUMENTS }])
  })

  test('is told when nothing is found, and what went wrong', async () => {
    const none = await run(
      { knowledge: 'handbook' },
      { turns: [SEARCH, say('?')], answers: { 'search-knowledge': finding([]) } },
    )
    expect(none.results[0]).toMatchObject({ content: 'No documents found', isError: false })
    expect(referencesOf(none.messages)).toEqual([])
    const early = await run(
      { knowledge: 'handbook' },
      { turns: [SEARCH, say('?')], answers: { 'search-knowledge': finding([], ['2 documents are read', 'Wait']) } },
    )
    expect(early.results[0]?.content).toBe('No documents found. 2 documents are read. Wait')
    expect(referencesOf(early.messages)).toEqual([])
    const failure = new AgentOSError('DATABASE_UNAVAILABLE', 'The database is away')
    const failed = await run(
      { knowledge: 'handbook' },
      { turns: [SEARCH, say('?')], answers: { 'search-knowledge': failure } },
    )
    expect(failed.results[0]).toMatchObject({
      content: 'Tool "search_knowledge_base" failed: The database is away',
      isError: true,
    })
  })

  test('gets as many documents as fit into a result', async () => {
    const many = Array.from({ length: 9 }, (_, index) => ({ ...HITS[0], id: `${index}`, text: 'x'.repeat(200) }))
    const some = await run(
      { knowledge: 'handbook' },
      { turns: [SEARCH, say('?')], answers: { 'search-knowledge': finding(many) } },
    )
    expect(referencesOf(some.messages)[0]?.documents).toHaveLength(2)
    const huge = [{ ...HITS[0], text: 'x'.repeat(5_000) }]
    const cut = await run(
      { knowledge: 'handbook' },
      { turns: [SEARCH, say('?')], answers: { 'search-knowledge': finding(huge) } },
    )
    expect(Buffer.byteLength(cut.results[0]?.content ?? '')).toBeLessThanOrEqual(1_000)
    expect(referencesOf(cut.messages)[0]?.documents).toMatchObject([{ name: 'refunds.md' }])
  })

  test('searches with its filters and those of the caller, who wins where both name a key', async () => {
    const knowledgeFilters = { team: 'legal', year: 2025 }
    const { asked } = await run(
      { knowledge: 'handbook', knowledgeFilters, knowledgeMaxResults: 3 },
      { turns: [SEARCH, say('?')], job: { request: { knowledgeFilters: [{ year: 2026 }] } } },
    )
    expect(asked[0]?.[1]).toMatchObject({ filters: [{ team: 'legal', year: 2026 }], maxResults: 3 })
    const expression = { op: 'GT', key: 'year', value: 2020 }
    const both = await run(
      { knowledge: 'handbook', knowledgeFilters },
      { turns: [SEARCH, say('?')], job: { request: { knowledgeFilters: [expression] } } },
    )
    expect(both.asked[0]?.[1]).toMatchObject({ filters: [knowledgeFilters, expression] })
  })

  test('can choose filters itself, among the keys that there are', async () => {
    const filters = [
      { key: 'team', value: 'legal' },
      { key: 'invented', value: 1 },
    ]
    const { asked, prompt } = await run(
      { knowledge: 'handbook', enableAgenticKnowledgeFilters: true, knowledgeFilters: { year: 2026 } },
      {
        turns: [call(['search_knowledge_base', { query: 'refunds', filters }]), say('?')],
        answers: { 'search-knowledge': finding(), 'knowledge-keys': ['team', 'year'] },
      },
    )
    expect(prompt).toContain('carry metadata under these keys: team, year.')
    const [, question] = asked.find(([kind]) => kind === 'search-knowledge') ?? []
    const found = [{ year: 2026 }, { team: 'legal' }]
    expect(question).toEqual({ knowledgeId: 'handbook', query: 'refunds', filters: found })
  })

  test('keeps what it has learned when it may', async () => {
    const { asked, results } = await run(
      { knowledge: 'handbook', updateKnowledge: true, searchKnowledge: false },
      {
        turns: [call(['add_to_knowledge', { query: 'How long?', result: 'Five days.' }]), say('?')],
        answers: { 'add-knowledge': 'c9' },
      },
    )
    const text = '{"query":"How long?","result":"Five days."}'
    expect(asked).toEqual([['add-knowledge', { knowledgeId: 'handbook', name: 'How_long', text }]])
    expect(results[0]?.content).toBe('Successfully added to knowledge base')
  })

  test('gets what its reranker makes of the matches', async () => {
    const base = knowledge({ id: 'handbook', reranker: (_query, matches) => matches.toReversed().slice(0, 1) })
    const { messages } = await run({ knowledge: base }, { turns: [SEARCH, say('?')] })
    expect(referencesOf(messages)[0]?.documents).toEqual(DOCUMENTS.slice(1))
  })
})

describe('references in the context', () => {
  test('stand behind what the user says, found by it', async () => {
    const agent = { knowledge: 'handbook', addKnowledgeToContext: true, searchKnowledge: false }
    const { user, asked, requests, prompt, messages } = await run(agent, { job: { input: 'How long?' } })
    const block = `Use the following references from the knowledge base if it helps:\n<references>\n${JSON.stringify(DOCUMENTS, null, 2)}\n</references>`
    expect(user).toMatchObject({ content: `How long?\n\n${block}` })
    expect(asked).toEqual([['search-knowledge', { knowledgeId: 'handbook', query: 'How long?', filters: [] }]])
    expect(referencesOf(messages)).toMatchObject([{ query: 'How long?', documents: DOCUMENTS }])
    expect(requests[0]?.tools).toEqual([])
    expect(prompt).toBe('')
  })

  test('are left out, with a word in the log, when documents are still being read', async () => {
    const agent = { knowledge: 'handbook', addKnowledgeToContext: true }
    const early = await run(agent, { answers: { 'search-knowledge': finding([], ['2 documents are read']) } })
    expect(early.user).toMatchObject({ content: 'Hello' })
    expect(early.log.map(({ message }) => message)).toContain('No references for the message: 2 documents are read')
    const none = await run(agent, { answers: { 'search-knowledge': finding([]) } })
    expect(none.log).toEqual([])
  })

  test('are left out, with a word in the log, when the search fails', async () => {
    const agent = { knowledge: 'handbook', addKnowledgeToContext: true }
    const failure = new AgentOSError('MODEL_RATE_LIMITED', 'openai limits the rate')
    const { user, result, log } = await run(agent, { answers: { 'search-knowledge': failure } })
    expect(user).toMatchObject({ content: 'Hello' })
    expect(result.status).toBe('COMPLETED')
    expect(log.map(({ message }) => message)).toContain('No references for the message: openai limits the rate')
  })

  test.each([{ addKnowledgeToContext: true }, { enableAgenticKnowledgeFilters: true }])(
    'do not hold up a cancel: %o',
    async (options) => {
      const stop = new AbortController()
      const never = { 'search-knowledge': new Promise(() => {}), 'knowledge-keys': new Promise(() => {}) }
      setTimeout(() => stop.abort(new Error('cancelled')), 20)
      const { result } = await run(
        { knowledge: 'handbook', ...options },
        { answers: never, ports: { signal: stop.signal } },
      )
      expect(result.status).toBe('CANCELLED')
    },
  )

  test('are not looked up again by an attempt that goes on with the journal', async () => {
    const agent = { knowledge: 'handbook', addKnowledgeToContext: true }
    const first = await run(agent, { turns: [SEARCH, say('Five days.')] })
    const journal = first.messages.slice(0, -1)
    const second = await run(agent, { job: { journal, attempt: 2, interrupted: true }, turns: [say('Five days.')] })
    expect(second.asked).toEqual([])
    expect(referencesOf(journal)).toHaveLength(2)
  })
})

describe('a retriever of the author', () => {
  test('is asked instead of the server, with filters and the run', async () => {
    const asked: unknown[] = []
    const agent: AgentOptions = {
      knowledgeFilters: { team: 'legal' },
      knowledgeMaxResults: 4,
      knowledgeRetriever: (query, { ctx, ...options }) => {
        asked.push(query, options, ctx.runId)
        return ['plain text', { title: 'A', n: 1 }]
      },
    }
    const { messages, asked: server } = await run(agent, { turns: [SEARCH, say('?')] })
    expect(asked).toEqual(['refund time', { maxResults: 4, filters: [{ team: 'legal' }] }, 'run-1'])
    expect(referencesOf(messages)[0]?.documents).toEqual(['plain text', { title: 'A', n: 1 }])
    expect(server).toEqual([])
  })

  test('that throws, or returns something else than a list, is an error that the model reads', async () => {
    const failed = await run(
      { knowledgeRetriever: () => Promise.reject(new Error('index is gone')) },
      { turns: [SEARCH, say('?')] },
    )
    expect(failed.results[0]).toMatchObject({
      isError: true,
      content: 'Tool "search_knowledge_base" failed: index is gone',
    })
    // A caller without types returns what it likes.
    const odd = await run({ knowledgeRetriever: (() => 'text') as never }, { turns: [SEARCH, say('?')] })
    expect(odd.results[0]?.content).toContain('knowledgeRetriever must return a list of documents')
  })
})

describe('options that cannot work', () => {
  test.each<[AgentOptions, string]>([
    [{ addKnowledgeToContext: true }, 'agent "desk": addKnowledgeToContext needs knowledge'],
    [{ updateKnowledge: true, knowledgeRetriever: () => [] }, 'agent "desk": updateKnowledge needs knowledge'],
    [
      { knowledge: 'a', knowledgeFilters: { op: 'LIKE', key: 'a' } },
      'agent "desk": knowledgeFilters: A filter has an operator that is not known',
    ],
  ])('%o', async (agent, message) => {
    await expect(run(agent)).rejects.toThrow(message)
  })
})
