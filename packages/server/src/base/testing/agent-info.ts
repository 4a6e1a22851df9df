/**
 * An agent as it tells about itself, for tests.
 * @module
 */
import type { AgentInfo } from '../runnable.ts'

/** Whose options are the defaults. */
export function agentInfo(given: Partial<AgentInfo> = {}): AgentInfo {
  return {
    id: 'assistant',
    name: 'Assistant',
    description: null,
    role: null,
    model: { provider: 'demo', id: 'assistant' },
    modelSettings: {},
    instructions: null,
    expectedOutput: null,
    additionalContext: null,
    introduction: null,
    markdown: false,
    addDatetimeToContext: false,
    timezone: null,
    tools: [],
    toolCallLimit: null,
    toolChoice: null,
    addHistoryToContext: true,
    numHistoryRuns: 3,
    retries: 2,
    delayBetweenRetriesSeconds: 1,
    exponentialBackoff: true,
    outputSchema: null,
    quickPrompts: [],
    metadata: null,
    sessionState: {},
    file: 'assistant.ts',
    ...given,
  }
}
