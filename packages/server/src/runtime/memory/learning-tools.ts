/**
 * The tools with which a model keeps what it has learned for all conversations, and finds it again, under Agno's names.
 * @module
 */
import type { Insight } from '../../base/memory.ts'
import { cleanTopics } from './notebook.ts'
import { describeTool, textOf } from './own-tool.ts'
import type { PreparedTool } from '../tool.ts'

/** Characters of each part of an insight. */
const MOST = { title: 200, learning: 5000, context: 2000 } as const
const MOST_FOUND = 20
const FOUND = 5

/** `save_learning` and `search_learnings`. */
export function learningTools(namespace: string): readonly PreparedTool[] {
  return [saveTool(namespace), searchTool(namespace)]
}

function saveTool(namespace: string): PreparedTool {
  const properties = {
    title: { type: 'string', maxLength: MOST.title, description: 'What it is about, in a few words to be found by.' },
    learning: {
      type: 'string',
      maxLength: MOST.learning,
      description: 'What was learned: specific, and of use later.',
    },
    context: { type: 'string', maxLength: MOST.context, description: 'When and where it applies.' },
    tags: { type: 'array', items: { type: 'string' }, description: 'A few topics of one word each.' },
  }
  const description =
    'Keeps something that was learned and will help in other conversations. Look with search_learnings first whether it is known already.'
  // Saved again with the same key, it is saved once.
  return describeTool(
    'save_learning',
    description,
    'keyed',
    properties,
    ['title', 'learning'],
    async (input, ctx, inside) => {
      const [title, learning, context] = [textOf(input['title']), textOf(input['learning']), textOf(input['context'])]
      const tooLong = Object.entries({ title, learning, context }).find(
        ([name, text]) => text.length > MOST[name as keyof typeof MOST],
      )
      if (tooLong !== undefined) {
        return `Not kept: ${tooLong[0]} has ${tooLong[1].length} characters, at most ${MOST[tooLong[0] as keyof typeof MOST]} are allowed.`
      }
      const tags = Array.isArray(input['tags']) ? input['tags'].filter((tag) => typeof tag === 'string') : []
      const insight: Insight = { title, learning, context: context === '' ? null : context, tags: cleanTopics(tags) }
      const problem = await inside.ask('save-learning', { ...insight, namespace, key: ctx.effectKey })
      return problem ?? `Kept: ${title}`
    },
  )
}

function searchTool(namespace: string): PreparedTool {
  const properties = {
    query: { type: 'string', description: 'Words of what you look for.' },
    limit: { type: 'integer', minimum: 1, maximum: MOST_FOUND, description: `How many at most; default ${FOUND}.` },
  }
  const description =
    'Finds what was learned in other conversations. Use it before you recommend something or explain how something is done, and before save_learning.'
  return describeTool('search_learnings', description, 'read', properties, ['query'], async (input, _ctx, inside) => {
    const asked = input['limit']
    const limit = typeof asked === 'number' ? Math.max(1, Math.min(Math.trunc(asked), MOST_FOUND)) : FOUND
    const found = await inside.ask('search-learnings', { namespace, query: textOf(input['query']), limit })
    if (found.length === 0) return 'Nothing about that has been learned yet.'
    return JSON.stringify(found)
  })
}
