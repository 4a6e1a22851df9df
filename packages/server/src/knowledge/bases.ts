/**
 * Which knowledge bases there are, and which one a caller means.
 * @module
 */
import type { Embedder, Embedders } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import { type KnowledgeInfo, PLAIN_BASE } from '../base/knowledge.ts'

/** What there is when a revision defines none. */
export const DEFAULT_BASE: KnowledgeInfo = { ...PLAIN_BASE, id: 'default', name: 'default', sources: [] }

export type Bases = {
  /** At least one. */
  readonly all: () => readonly KnowledgeInfo[]
  readonly has: (knowledgeId: string) => boolean
  /**
   * The base of an id; without one, the only base that there is.
   * @throws {AgentOSError} KNOWLEDGE_NOT_FOUND; INVALID_REQUEST listing the ids when there are several to choose from
   */
  readonly find: (knowledgeId?: string) => KnowledgeInfo
  /** The embedder that the base names, or that of the server; undefined when there is neither. */
  readonly embedderName: (base: KnowledgeInfo) => string | undefined
  /** Undefined when the base has none that can be used: it is searched by words then. */
  readonly embedderOf: (base: KnowledgeInfo) => Embedder | undefined
  /** Why the embedder that the base names cannot be used. */
  readonly embedderProblem: (base: KnowledgeInfo) => string | undefined
}

/** @param defined those of the revision that serves */
export function createBases(defined: () => readonly KnowledgeInfo[], embedders: Embedders): Bases {
  const all = () => {
    const bases = defined()
    return bases.length === 0 ? [DEFAULT_BASE] : bases
  }
  const embedderName = ({ embedder }: KnowledgeInfo) => embedder ?? embedders.standard?.name
  const embedderProblem = (base: KnowledgeInfo) => {
    const name = embedderName(base)
    if (name === undefined) return undefined
    try {
      return embedders.problem(name)
    } catch (error) {
      if (error instanceof AgentOSError) return error.message
      throw error
    }
  }
  return {
    all,
    has: (knowledgeId) => all().some(({ id }) => id === knowledgeId),
    find(knowledgeId) {
      const bases = all()
      const [only] = bases
      if (knowledgeId === undefined) {
        if (only !== undefined && bases.length === 1) return only
        const ids = bases.map(({ id }) => id).join(', ')
        throw new AgentOSError('INVALID_REQUEST', `There are several knowledge bases; name one as knowledge_id: ${ids}`)
      }
      const base = bases.find(({ id }) => id === knowledgeId)
      if (base !== undefined) return base
      throw new AgentOSError('KNOWLEDGE_NOT_FOUND', `Knowledge base '${knowledgeId}' not found`)
    },
    embedderName,
    embedderOf(base) {
      if (embedderProblem(base) !== undefined) return undefined
      return base.embedder === null ? embedders.standard : embedders.resolve(base.embedder)
    },
    embedderProblem,
  }
}
