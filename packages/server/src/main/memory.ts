/**
 * Memory of a server: answers what runs ask about the past, each for its own user, and lends a model to what rewrites
 * memories. The models here are those of the settings and of callers, by name: no agent code.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Redact } from '../base/redact.ts'
import type { Config } from '../config/load.ts'
import type { MemoryPort } from '../http/deps.ts'
import { createModels, type Models } from '../models/registry.ts'
import { joinMemories } from '../runtime/memory/optimize.ts'
import type { Database } from '../storage/database.ts'
import { recallMemories } from '../storage/memories.ts'
import { changeMemories } from '../storage/memory-changes.ts'
import { readPastSession, readSummary, searchPastSessions } from '../storage/past-sessions.ts'
import type { Log } from '../telemetry/log.ts'
import type { Answerers } from './answers.ts'

export type ServerMemory = MemoryPort & {
  readonly answerers: Answerers
  readonly close: () => Promise<void>
}

type MemoryParts = {
  readonly database: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly redact: Redact
  /** Of what names no model, as `provider:id`. */
  readonly defaultModel: string
}

/** Opens no connection to a model before one is needed. */
export function openMemory({ settings, agentEnv }: Config, parts: MemoryParts): ServerMemory {
  const { database, clock, ids, log, redact, defaultModel } = parts
  const limit = settings.AGENTOS_MAX_USER_MEMORIES
  let models: Models | undefined
  return {
    limit,
    answerers: answerMemory(database.db, limit),
    async join(memories, modelName, signal) {
      models ??= createModels({ env: agentEnv, clock, redact, demoDelayMs: 0 })
      const model = await resolve(models, modelName ?? defaultModel)
      return joinMemories(model, memories, { clock, ids, signal, log })
    },
    close: async () => models?.close(),
  }
}

/** A name that a caller sent. */
async function resolve(models: Models, name: string) {
  try {
    return await models.resolve(name)
  } catch (cause) {
    if (!(cause instanceof AgentOSError)) throw cause
    throw new AgentOSError('INVALID_REQUEST', cause.message, { cause })
  }
}

/** Runs without a user remember nobody. */
function answerMemory(db: Database['db'], limit: number): Answerers {
  return {
    async recall({ userId, sessionId }, { memories, summary }) {
      const [known, text] = await Promise.all([
        userId === null || memories === 0 ? NOTHING : recallMemories(db, userId, Math.min(memories, MOST_RECALLED)),
        summary ? readSummary(db, sessionId) : null,
      ])
      return {
        memories: known.memories,
        room: Math.max(0, limit - known.total),
        summary: text,
      }
    },
    'change-memories': async ({ userId, agentId }, changes) =>
      userId === null ? 0 : changeMemories(db, changes, { userId, agentId, limit }),
    'search-sessions': async ({ userId, sessionId }, search) =>
      userId === null ? [] : searchPastSessions(db, { userId, sessionId }, search),
    'read-session': async ({ userId }, reading) => (userId === null ? null : readPastSession(db, userId, reading)),
  }
}

const NOTHING = { memories: [], total: 0 }

/** Whatever a worker asks for. */
const MOST_RECALLED = 1000
