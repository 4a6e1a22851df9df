/**
 * A typed client of the API over `fetch`, for browsers and servers. Answers are checked against the schemas; events are
 * handed on as they come, so that new kinds of events pass through an older client.
 * @module
 */
import { z } from 'zod'
import { AgentResponse } from './agent.ts'
import { ApiError } from './api-error.ts'
import { createApprovalClient } from './approval-client.ts'
import { createLearningClient } from './learning-client.ts'
import { createMemoryClient } from './memory-client.ts'
import { createPrivacyClient } from './privacy-client.ts'
import { createKnowledgeClient } from './knowledge-client.ts'
import { createProfileClient } from './profile-client.ts'
import { createQueueClient } from './queue-client.ts'
import { createRunClient } from './run-client.ts'
import { Config, Health, Info, ModelEntry, Ready, Reload } from './server.ts'
import { ServerStatus } from './server-status.ts'
import { createScheduleClient } from './schedule-client.ts'
import { createSessionClient } from './session-client.ts'
import { createTraceClient } from './trace-client.ts'
import { type ClientOptions, createTransport } from './transport.ts'
import { createUsageClient } from './usage-client.ts'

export { ApiError } from './api-error.ts'
export { createEventStreamParser, type EventStreamParser, type StreamFrame } from './event-stream.ts'
export type { AgentEvent, AgentEventOf } from './event.ts'
export type { ProfileFile } from './profile-client.ts'
export type { ContinueInput, RunAddress, RunEventMessage, RunInput, StartOptions } from './run-client.ts'
export type { ClientOptions } from './transport.ts'

export type Client = ReturnType<typeof createClient>

export function createClient(options: ClientOptions) {
  const transport = createTransport(options)
  const { ask } = transport
  const agentPath = (agentId: string) => `/agents/${encodeURIComponent(agentId)}`
  return {
    health: () => ask(Health, '/health'),
    /** @returns also when it is not ready, which is a 503 */
    ready: async () => {
      try {
        return await ask(Ready, '/health/ready')
      } catch (error) {
        const state = error instanceof ApiError && error.status === 503 ? Ready.safeParse(error.body).data : undefined
        if (state) return state
        throw error
      }
    },
    info: () => ask(Info, '/info'),
    config: () => ask(Config, '/config'),
    models: () => ask(z.array(ModelEntry), '/models'),
    reload: () => ask(Reload, '/admin/reload', { method: 'POST' }),
    status: () => ask(ServerStatus, '/admin/status'),
    agents: () => ask(z.array(AgentResponse), '/agents'),
    agent: (agentId: string) => ask(AgentResponse, agentPath(agentId)),
    ...createRunClient(transport),
    sessions: createSessionClient(transport),
    queue: createQueueClient(transport),
    approvals: createApprovalClient(transport),
    schedules: createScheduleClient(transport),
    memories: createMemoryClient(transport),
    learnings: createLearningClient(transport),
    traces: createTraceClient(transport),
    usage: createUsageClient(transport),
    profiles: createProfileClient(transport),
    knowledge: createKnowledgeClient(transport),
    privacy: createPrivacyClient(transport),
  }
}
