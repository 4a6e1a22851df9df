/**
 * How knowledge bases do, for operators: what is in them, and how they can be searched at the moment.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { KnowledgeInfo } from '../base/knowledge.ts'
import { withDeadline } from '../storage/deadline.ts'
import { type BaseCounts, countByBase } from '../storage/knowledge/contents.ts'
import type { Db } from '../storage/database.ts'
import type { Bases } from './bases.ts'
import type { EmbedderCondition } from './embedder-watch.ts'

export type BaseCondition = {
  readonly id: string
  /** Null while the database does not answer. */
  readonly counts: BaseCounts | null
  /** The embedder it has or should have, and how that does here; null where there is none. */
  readonly embedder: (Pick<EmbedderCondition, 'answers' | 'problem'> & { readonly name: string }) | null
  /** Why searches go by words only at the moment; null when they do not. */
  readonly wordsOnly: string | null
}

export type ConditionDeps = {
  readonly db: Db
  readonly bases: Bases
  readonly whyNoVectors: (base: KnowledgeInfo) => string | undefined
  readonly whyNoAnswer: (base: KnowledgeInfo) => string | undefined
  readonly conditionOf: (embedder: string) => EmbedderCondition
}

/** Longest time that is waited for the database, in milliseconds. */
const COUNT_MS = 2000
const NOTHING: BaseCounts = { completed: 0, processing: 0, failed: 0, chunks: 0 }

/** Those of all bases that are defined. It answers also while the database does not. */
export async function describeBases(deps: ConditionDeps): Promise<BaseCondition[]> {
  const bases = deps.bases.all()
  const counts = await countInTime(deps.db)
  return bases.map((base) => ({
    id: base.id,
    counts: counts && (counts.get(base.id) ?? NOTHING),
    ...describeSearches(base, deps),
  }))
}

async function countInTime(db: Db): Promise<Map<string, BaseCounts> | null> {
  try {
    return await withDeadline(countByBase(db), COUNT_MS)
  } catch (error) {
    if (error instanceof AgentOSError) return null
    throw error
  }
}

function describeSearches(
  base: KnowledgeInfo,
  { bases, whyNoVectors, whyNoAnswer, conditionOf }: ConditionDeps,
): Pick<BaseCondition, 'embedder' | 'wordsOnly'> {
  const name = bases.embedderName(base)
  const chosen = base.searchType === 'keyword' ? 'its searchType is keyword' : null
  const why = whyNoVectors(base)
  if (name === undefined) return { embedder: null, wordsOnly: why ?? chosen }
  if (why !== undefined) return { embedder: { name, answers: null, problem: why }, wordsOnly: why }
  const { answers, problem } = conditionOf(name)
  return { embedder: { name, answers, problem }, wordsOnly: chosen ?? whyNoAnswer(base) ?? null }
}
