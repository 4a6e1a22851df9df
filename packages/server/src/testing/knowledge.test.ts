import { agent, knowledge } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { runAgent } from './index.ts'

const DOCUMENTS = [
  { name: 'refunds.md', text: 'Refunds take five days.', metadata: { team: 'legal', year: 2026 } },
  { name: 'old.md', text: 'Refunds take nine days.', metadata: { team: 'legal', year: 2019 } },
  'Shipping is free.',
]
const search = (query: string) => ({ toolCalls: [{ name: 'search_knowledge_base', input: { query } }] })
const handbook = agent({ knowledge: knowledge({ id: 'handbook' }) })
const namesOf = (run: Awaited<ReturnType<typeof runAgent>>) =>
  run.references.flatMap(({ documents }) => documents.map((document) => (document as { name: string }).name))

test('an agent finds the documents of its test', async () => {
  const script = [search('how long do refunds take'), 'Five days.']
  const run = await runAgent(handbook, { message: 'How long?', script, knowledge: DOCUMENTS })
  expect(run.references).toMatchObject([{ query: 'how long do refunds take' }])
  expect(namesOf(run)).toEqual(['refunds.md', 'old.md'])
  expect(run.toolCalls[0]?.result).toContain('"content": "Refunds take five days."')
})

test('an agent without knowledge of its own has what its test brings, as the one that has a folder of it', async () => {
  const script = [search('shipping'), 'Free.']
  const run = await runAgent(agent({}), { message: 'What does shipping cost?', script, knowledge: DOCUMENTS })
  expect(namesOf(run)).toEqual(['document 3'])
})

test.each<[Record<string, unknown>, string[]]>([
  [{ year: 2026 }, ['refunds.md']],
  [{ op: 'LT', key: 'year', value: 2026 }, ['old.md']],
  [{ op: 'NOT', condition: { op: 'IN', key: 'year', values: [2019] } }, ['refunds.md']],
  [{ op: 'OR', conditions: [{ year: 2019 }, { op: 'GTE', key: 'year', value: 2026 }] }, ['refunds.md', 'old.md']],
  [{ op: 'CONTAINS', key: 'team', value: 'EGA' }, ['refunds.md', 'old.md']],
  [{ op: 'NEQ', key: 'team', value: 'legal' }, []],
])('filters %o', async (knowledgeFilters, names) => {
  const filtered = agent({ knowledge: 'handbook', knowledgeFilters })
  const run = await runAgent(filtered, { message: 'x', script: [search('refunds'), '?'], knowledge: DOCUMENTS })
  expect(namesOf(run)).toEqual(names)
})

test('references reach the message', async () => {
  const agentWithContext = agent({ knowledge: 'handbook', addKnowledgeToContext: true })
  const run = await runAgent(agentWithContext, { message: 'Refunds?', script: ['Five days.'], knowledge: DOCUMENTS })
  expect(run.references).toMatchObject([{ query: 'Refunds?' }])
})

test('what an agent adds is found by its next search', async () => {
  const learning = agent({ knowledge: 'handbook', updateKnowledge: true })
  const add = { toolCalls: [{ name: 'add_to_knowledge', input: { query: 'Holidays', result: 'Closed in July.' } }] }
  const run = await runAgent(learning, { message: 'x', script: [add, search('July'), 'ok'], knowledge: [] })
  expect(namesOf(run)).toEqual(['Holidays'])
})

test('a test without documents is told to bring some', async () => {
  const run = await runAgent(handbook, { message: 'x', script: [search('refunds'), '?'] })
  expect(run.toolCalls[0]).toMatchObject({
    isError: true,
    result: 'Tool "search_knowledge_base" failed: The test has no documents: give runAgent() its knowledge',
  })
})
