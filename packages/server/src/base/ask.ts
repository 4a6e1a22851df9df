/**
 * What a run asks the main thread for while it runs: whatever lies in the database. Each kind has a question and an
 * answer, plain data that crosses the port. The main thread knows whose run asks, so no question says for whom it is.
 * @module
 */
import type { KnowledgeFinding, KnowledgeQuery } from './knowledge.ts'
import type {
  Insight,
  InsightSaving,
  InsightSearch,
  MemoryChange,
  MissedMessage,
  PastConversation,
  PastSession,
  RecallQuery,
  Recollection,
  SessionReading,
  SessionSearch,
} from './memory.ts'
import type { Media } from './media.ts'
import type { RunJob } from './run.ts'

/** Kinds of questions: what is asked, and what is answered. */
export type Asks = {
  /** The bytes of what is attached to a message of the run's session. */
  'load-media': { readonly question: { readonly mediaId: string }; readonly answer: Uint8Array }
  /** Keeps what the model of the run has made. */
  'store-media': {
    readonly question: { readonly mimeType: string; readonly bytes: Uint8Array }
    readonly answer: Media
  }
  /** The best chunks of a knowledge base. */
  'search-knowledge': { readonly question: KnowledgeQuery; readonly answer: KnowledgeFinding }
  /** The keys that the metadata of the base's documents have, at most 100. */
  'knowledge-keys': { readonly question: { readonly knowledgeId: string }; readonly answer: readonly string[] }
  /** Adds a text to a knowledge base, unless it is there. Answers the id of its content. */
  'add-knowledge': {
    readonly question: { readonly knowledgeId: string; readonly name: string; readonly text: string }
    readonly answer: string
  }
  /** What is remembered of the run's user, and what its session was about. */
  recall: { readonly question: RecallQuery; readonly answer: Recollection }
  /** What the run's user said to its agent in other runs and no memory manager could read, oldest first. */
  'missed-messages': { readonly question: null; readonly answer: readonly MissedMessage[] }
  /** Changes what is remembered of the run's user, now. Answers how many memories changed. */
  'change-memories': { readonly question: readonly MemoryChange[]; readonly answer: number }
  /** Keeps an insight. In the namespace `user` it is the run's user's alone. Answers why it could not; null when it did. */
  'save-learning': { readonly question: InsightSaving; readonly answer: string | null }
  /** Insights that share words with a query, the best first. */
  'search-learnings': { readonly question: InsightSearch; readonly answer: readonly Insight[] }
  /** Earlier sessions of the run's user, the newest first, without the run's own. */
  'search-sessions': { readonly question: SessionSearch; readonly answer: readonly PastSession[] }
  /** One earlier session of the run's user; null when there is none of that id. */
  'read-session': { readonly question: SessionReading; readonly answer: PastConversation | null }
}

export type AskKind = keyof Asks
export type Question<K extends AskKind = AskKind> = Asks[K]['question']
export type Answer<K extends AskKind = AskKind> = Asks[K]['answer']

/** Rejects with an AgentOSError whose message may reach the model. */
export type Ask = <K extends AskKind>(kind: K, question: Question<K>) => Promise<Answer<K>>

/** The other end: answers a question of a run. */
export type AnswerAsk = <K extends AskKind>(
  job: Pick<RunJob, 'runId' | 'sessionId' | 'userId' | 'agentId'>,
  kind: K,
  question: Question<K>,
) => Promise<Answer<K>>
