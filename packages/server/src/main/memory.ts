/**
 * Memory of a server: answers what runs ask about the past, each for its own user, and lends a model to what rewrites
 * memories. The models here are those of the settings and of callers, by name: no agent code.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, uuidOf } from '../base/ids.ts'
import type { Json, JsonObject } from '../base/json.ts'
import type { Insight } from '../base/memory.ts'
import type { Config } from '../config/load.ts'
import type { MemoryPort } from '../http/deps.ts'
import { joinMemories } from '../runtime/memory/optimize.ts'
import type { Database } from '../storage/database.ts'
import { type LearnedPlace, MOST_LEARNED, saveLearned, searchLearned } from '../storage/memory/learnings.ts'
import { recallMemories } from '../storage/memory/memories.ts'
import { listMissedMessages } from '../storage/memory/missed-messages.ts'
import { changeMemories } from '../storage/memory/memory-changes.ts'
import { createPatience, type Patience } from '../storage/patience.ts'
import { readPastSession, readSummary, searchPastSessions } from '../storage/sessions/past-sessions.ts'
import type { Log } from '../telemetry/log.ts'
import type { Answerers } from './answers.ts'
import type { LentModels } from './lent-models.ts'

export type ServerMemory = MemoryPort & {
  readonly answerers: Answerers
  readonly close: () => void
}

type MemoryParts = {
  readonly database: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly models: Pick<LentModels, 'resolve'>
}

export function openMemory({ settings }: Pick<Config, 'settings'>, parts: MemoryParts): ServerMemory {
  const { database, clock, ids, log, models } = parts
  const limit = settings.AGENTOS_MAX_USER_MEMORIES
  // For as long as what a run stores waits too: a database that is away for a moment fails no run.
  const patience = createPatience({ clock, ids })
  return {
    limit,
    answerers: answerMemory(database.db, limit, patience.persist),
    async join(memories, modelName, signal) {
      return joinMemories(await resolve(models, modelName), memories, { clock, ids, signal, log })
    },
    close: patience.close,
  }
}

/** A name that a caller may have sent. */
async function resolve(models: Pick<LentModels, 'resolve'>, name: string | undefined) {
  try {
    return await models.resolve(name)
  } catch (cause) {
    if (!(cause instanceof AgentOSError)) throw cause
    throw new AgentOSError('INVALID_REQUEST', cause.message, { cause })
  }
}

/** Runs without a user remember nobody. */
function answerMemory(db: Database['db'], limit: number, patiently: Patience['persist']): Answerers {
  return {
    async recall({ userId, sessionId }, { memories, summary }) {
      const [known, text] = await Promise.all([
        userId === null || memories === 0
          ? NOTHING
          : patiently(() => recallMemories(db, userId, Math.min(memories, MOST_RECALLED))),
        summary ? patiently(() => readSummary(db, sessionId)) : null,
      ])
      return {
        memories: known.memories,
        room: Math.max(0, limit - known.total),
        summary: text,
      }
    },
    'missed-messages': async ({ userId, agentId, runId }) =>
      userId === null ? [] : patiently(() => listMissedMessages(db, { userId, agentId, runId })),
    'change-memories': async ({ userId, agentId }, changes) =>
      userId === null ? 0 : patiently(() => changeMemories(db, changes, { userId, agentId, limit })),
    'save-learning': async ({ userId, agentId }, { namespace, key, ...insight }) => {
      const place = placeOf(namespace, userId)
      if (place === undefined) return 'It is not known who the user is, so nothing can be kept for them.'
      const learningId = uuidOf('learning', namespace, key)
      const isKept = await saveLearned(db, place, { learningId, agentId, content: { ...insight } })
      return isKept ? null : `There is no room: ${MOST_LEARNED} insights are kept already.`
    },
    async 'search-learnings'({ userId }, { namespace, query, limit }) {
      const place = placeOf(namespace, userId)
      const found = place === undefined ? [] : await searchLearned(db, place, { query, limit: Math.min(limit, 50) })
      return found.map(({ content }) => toInsight(content))
    },
    'search-sessions': async ({ userId, sessionId }, search) =>
      userId === null ? [] : searchPastSessions(db, { userId, sessionId }, search),
    'read-session': async ({ userId }, reading) => (userId === null ? null : readPastSession(db, userId, reading)),
  }
}

/** @returns undefined for the insights of a user whom nobody knows */
function placeOf(namespace: string, userId: string | null): LearnedPlace | undefined {
  if (namespace !== 'user') return { namespace, userId: null }
  return userId === null ? undefined : { namespace, userId }
}

/** Insights that were added over HTTP may have any content. */
function toInsight(content: JsonObject): Insight {
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : null)
  const tags = Array.isArray(content['tags']) ? content['tags'].filter((tag) => typeof tag === 'string') : []
  const title = text(content['title']) ?? ''
  const learning = text(content['learning']) ?? JSON.stringify(content)
  return { title, learning, context: text(content['context']), tags }
}

const NOTHING = { memories: [], total: 0 }

/** Whatever a worker asks for. */
const MOST_RECALLED = 1000
