import { knowledge } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { AgentOSError } from '../base/errors.ts'
import { checkKnowledge, collectKnowledge, type Declared, type FolderBase } from './knowledge.ts'

const FOLDER = { id: 'desk', file: 'desk/agent.ts', folder: 'desk/knowledge' }

const collect = (declared: readonly Declared[], folders: readonly FolderBase[] = []) =>
  collectKnowledge(declared, folders, () => {})

test('takes the globs of a base as relative to the file that defines it', () => {
  const base = knowledge({ id: 'handbook', sources: ['docs/**', './a.md'], chunkSize: 300, metadata: { team: 'x' } })
  const { found, problems } = collect([{ knowledge: base, file: 'desk/agent.ts' }])
  expect(problems).toEqual([])
  expect(found).toMatchObject([
    {
      file: 'desk/agent.ts',
      info: {
        id: 'handbook',
        name: 'handbook',
        sources: ['desk/docs/**', 'desk/a.md'],
        chunkSize: 300,
        chunker: null,
        maxResults: 10,
        metadata: { team: 'x' },
      },
    },
  ])
})

test('makes a base of a folder beside an agent, with the settings that a base of the same id gives', () => {
  expect(collect([], [FOLDER]).found).toMatchObject([
    { info: { id: 'desk', sources: ['desk/knowledge/**'], searchType: null } },
  ])
  const settings = knowledge({ id: 'desk', searchType: 'keyword' })
  expect(collect([{ knowledge: settings, file: 'desk/agent.ts' }], [FOLDER]).found).toMatchObject([
    { info: { id: 'desk', sources: ['desk/knowledge/**'], searchType: 'keyword' } },
  ])
})

test('counts a base once that several modules name, and refuses two of one id', () => {
  const base = knowledge({ id: 'handbook' })
  const declared = [
    { knowledge: base, file: 'a.ts' },
    { knowledge: base, file: 'b.ts' },
  ]
  expect(collect(declared)).toMatchObject({ found: [{ file: 'a.ts' }], problems: [] })
  const other = { knowledge: knowledge({ id: 'handbook' }), file: 'c.ts' }
  expect(collect([...declared, other]).problems).toEqual([
    { path: 'c.ts', detail: 'knowledge "handbook" is defined in a.ts too; ids are unique in the folder' },
  ])
})

test('what the check of a base throws is a problem of its file; the other bases are found', () => {
  const declared = [
    { knowledge: knowledge({ id: 'good' }), file: 'a.ts' },
    { knowledge: knowledge({ id: 'bad', embedder: 'nobody:x' }), file: 'b.ts' },
  ]
  const { found, problems } = collectKnowledge(declared, [FOLDER], ({ embedder }) => {
    if (embedder !== null) throw new AgentOSError('MODEL_UNKNOWN', `No "${embedder}"`)
  })
  expect(found.map(({ info }) => info.id)).toEqual(['good', 'desk'])
  expect(problems).toEqual([{ path: 'b.ts', detail: 'knowledge "bad": No "nobody:x"' }])
  const broken = () => {
    throw new RangeError('the check itself is broken')
  }
  expect(() => collectKnowledge(declared, [], broken)).toThrow('the check itself is broken')
})

test('refuses a chunker that there is not', () => {
  const base = knowledge({ id: 'handbook', chunker: 'Slicer' })
  const { found, problems } = collect([{ knowledge: base, file: 'a.ts' }])
  expect(found).toEqual([])
  expect(problems).toMatchObject([{ path: 'a.ts', detail: expect.stringContaining('chunker "Slicer" is unknown') }])
})

test('an agent can only name a base that there is, and one that names none is let be', () => {
  const knowing = (knowledgeId: string | null) => {
    const rest = {
      searchKnowledge: true,
      addSearchKnowledgeInstructions: true,
      addKnowledgeToContext: false,
      enableAgenticKnowledgeFilters: false,
      updateKnowledge: false,
      knowledgeFilters: [],
      maxResults: null,
    }
    return { id: 'desk', knowledge: { knowledgeId, ...rest } }
  }
  expect(() => checkKnowledge(knowing('handbook'), ['handbook', 'other'])).not.toThrow()
  expect(() => checkKnowledge(knowing('default'), [])).not.toThrow()
  expect(() => checkKnowledge(knowing(null), ['handbook'])).not.toThrow()
  expect(() => checkKnowledge({ id: 'desk' }, [])).not.toThrow()
  expect(() => checkKnowledge(knowing('handbok'), ['handbook', 'other'])).toThrow(
    'agent "desk": knowledge "handbok" is not defined, only handbook, other; export knowledge({ id: \'handbok\' }) from a file',
  )
  expect(() => checkKnowledge(knowing('default'), ['handbook'])).toThrow('is not defined, only handbook')
})
