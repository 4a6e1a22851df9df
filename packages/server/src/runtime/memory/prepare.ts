/**
 * What an agent's options say about memory, made ready: whose models, which tools, what goes into the prompt.
 * @module
 */
import type { AgentOptions } from '@agentos/sdk'
import type { MemoryInfo } from '../../base/runnable.ts'
import type { Model } from '../../models/model.ts'
import type { Models } from '../../models/registry.ts'
import type { PreparedTool } from '../tool.ts'
import { learningTools } from './learning-tools.ts'
import type { PreparedManager } from './manager.ts'
import type { PreparedSummarizer } from './summary.ts'
import { pastSessionTools, updateMemoryTool } from './tools.ts'

export type PreparedMemory = {
  readonly info: MemoryInfo
  /** Looks at what the user says, beside the answer; undefined where nobody does. */
  readonly extractor: PreparedManager | undefined
  /** Sums the session up after each run; undefined where nobody does. */
  readonly summarizer: PreparedSummarizer | undefined
  readonly tools: readonly PreparedTool[]
}

const SESSIONS = 20
const RUNS = 3

/**
 * @returns undefined for an agent that remembers nothing beyond its session
 * @throws {AgentOSError} MODEL_UNKNOWN
 */
export async function prepareMemory(
  options: AgentOptions,
  agentModel: Model,
  models: Pick<Models, 'resolve'>,
): Promise<PreparedMemory | undefined> {
  const { enableUserMemories = false, enableAgenticMemory = false, enableSessionSummaries = false } = options
  const { searchPastSessions = false, memoryManager, sessionSummaryManager } = options
  const { addMemoriesToContext = enableUserMemories || enableAgenticMemory || memoryManager !== undefined } = options
  const { addSessionSummaryToContext = enableSessionSummaries || sessionSummaryManager !== undefined } = options
  const { numPastSessionsToSearch: sessions = SESSIONS, numPastSessionRunsInSearch: runs = RUNS } = options
  const remembers = enableUserMemories || enableAgenticMemory || addMemoriesToContext
  const sums = enableSessionSummaries || addSessionSummaryToContext
  const learning = options.learning?.learnedKnowledge === true ? (options.learning.namespace ?? 'global') : undefined
  if (!remembers && !sums && !searchPastSessions && learning === undefined) return undefined
  const manager = await prepareManager(memoryManager, agentModel, models)
  const summaryModel = sessionSummaryManager?.options.model
  const summarizer = {
    model: summaryModel === undefined ? agentModel : await models.resolve(summaryModel),
    instructions: sessionSummaryManager?.options.instructions,
  }
  return {
    info: {
      enableUserMemories,
      enableAgenticMemory,
      addMemoriesToContext,
      model: manager.model.name,
      enableSessionSummaries,
      addSessionSummaryToContext,
      searchPastSessions,
      numPastSessionsToSearch: sessions,
      numPastSessionRunsInSearch: runs,
    },
    // As in Agno: a model that manages memories itself is not watched by another one.
    extractor: enableUserMemories && !enableAgenticMemory ? manager : undefined,
    summarizer: enableSessionSummaries ? summarizer : undefined,
    tools: [
      ...(enableAgenticMemory ? [updateMemoryTool(manager)] : []),
      ...(searchPastSessions ? pastSessionTools({ sessions, runs }) : []),
      ...(learning === undefined ? [] : learningTools(learning)),
    ],
  }
}

async function prepareManager(
  manager: AgentOptions['memoryManager'],
  agentModel: Model,
  models: Pick<Models, 'resolve'>,
): Promise<PreparedManager> {
  const { model, instructions, ...flags } = manager?.options ?? {}
  return {
    model: model === undefined ? agentModel : await models.resolve(model),
    instructions,
    rights: {
      add: flags.addMemories ?? true,
      update: flags.updateMemories ?? true,
      delete: flags.deleteMemories ?? true,
      clear: flags.clearMemories ?? false,
    },
  }
}
