import { agent } from '@agentos/sdk'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Exported, nameAgents } from './naming.ts'

const exported = (name: string, file: string, options: Parameters<typeof agent>[0] = {}): Exported => ({
  agent: agent(options),
  name,
  file,
  defaultId:
    file
      .replace(/\.\w+$/, '')
      .split('/')
      .at(-1) ?? '',
})
const idsOf = (...all: Exported[]) => nameAgents(all).named.map(({ id }) => id)

describe('ids', () => {
  test('an explicit id wins', () => {
    expect(idsOf(exported('default', 'desk.ts', { id: 'refund-desk' }))).toEqual(['refund-desk'])
  })

  test('the only agent of a file takes its name, however it is exported', () => {
    expect(idsOf(exported('default', 'desk.ts'))).toEqual(['desk'])
    expect(idsOf(exported('refundDesk', 'desk.ts'))).toEqual(['desk'])
  })

  test.each([
    ['refundDesk', 'refund-desk'],
    ['RefundDesk', 'refund-desk'],
    ['HTTPClient', 'http-client'],
    ['desk2Go', 'desk2-go'],
    ['refund_desk', 'refund-desk'],
    ['desk', 'desk'],
  ])('of several in a file, %s becomes %s and the default export takes the name of the file', (name, id) => {
    expect(idsOf(exported('default', 'file.ts'), exported(name, 'file.ts'))).toEqual(['file', id])
  })

  test('an index that re-exports an agent does not own it', () => {
    const original = exported('default', 'zebra.ts')
    const again = { ...exported('default', 'index.ts'), agent: original.agent }
    expect(nameAgents([again, original])).toMatchObject({ named: [{ id: 'zebra' }], reexporting: ['index.ts'] })
  })

  test('a file name that cannot be an id is an error that says what to do', () => {
    const { named, problems } = nameAgents([exported('default', 'my agent.ts')])
    expect(named).toEqual([])
    expect(problems).toEqual([
      expect.objectContaining({
        path: 'my agent.ts',
        detail: expect.stringMatching(/^"my agent" cannot be .* give the agent an id$/),
      }),
    ])
  })

  test('duplicates are errors of every file that has them, and none of them serves', () => {
    const { named, problems } = nameAgents([
      exported('default', 'a.ts', { id: 'x' }),
      exported('default', 'b.ts', { id: 'x' }),
      exported('default', 'c.ts'),
    ])
    expect(named.map(({ id }) => id)).toEqual(['c'])
    expect(problems.map(({ path }) => path)).toEqual(['a.ts', 'b.ts'])
  })

  test('two agents of one file with the same id are one error', () => {
    const { problems } = nameAgents([exported('a', 'f.ts', { id: 'x' }), exported('b', 'f.ts', { id: 'x' })])
    expect(problems.map(({ detail }) => detail)).toEqual([
      'id "x" is used by 2 agents of f.ts; ids are unique in the folder',
    ])
  })
})

test('R11b: every agent is named once, by a file that exports it, however often it is re-exported', () => {
  const exports = fc.array(
    fc.record({
      agent: fc.nat(4),
      name: fc.constantFrom('default', 'one', 'two'),
      file: fc.constantFrom('a.ts', 'b.ts', 'index.ts', 'd/agent.ts'),
    }),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(exports, (chosen) => {
      const agents = Array.from({ length: 5 }, (_, index) => agent({ id: `agent-${index}` }))
      const all = chosen.map(({ agent: index, name, file }) => ({ agent: agents[index]!, name, file, defaultId: 'x' }))
      const { named, reexporting, problems } = nameAgents(all)
      expect(problems).toEqual([])
      expect(new Set(named.map((one) => one.agent))).toEqual(new Set(all.map((one) => one.agent)))
      expect(named).toHaveLength(new Set(all.map((one) => one.agent)).size)
      for (const one of named) expect(all).toContainEqual(expect.objectContaining({ agent: one.agent, file: one.file }))
      const owning = new Set(named.map(({ file }) => file))
      expect(new Set([...owning, ...reexporting])).toEqual(new Set(all.map(({ file }) => file)))
    }),
  )
})
