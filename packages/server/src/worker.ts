/**
 * Composition root of a generation's worker: guards and hooks, then the agents folder, then runs until it is ended.
 * Knows no database and no socket but those of model providers; all else goes over the port.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from './base/clock.ts'
import { createIds } from './base/ids.ts'
import { createRedact } from './base/redact.ts'
import type { RunJob } from './base/run.ts'
import { formatTraceparent, toolSpanId } from './base/trace-context.ts'
import { toLogFields } from './loader/log-fields.ts'
import type { LogLevel, WorkerInit } from './loader/protocol.ts'
import { openWorker } from './loader/worker-side.ts'
import { createModels } from './models/registry.ts'
import { prepareAgent, type PreparedAgent } from './runtime/agent.ts'
import { executeRun } from './runtime/execute.ts'
import { createOutgoingTrace } from './runtime/outgoing-trace.ts'

if (parentPort === null) throw new Error('worker.ts runs in a worker thread of the server')
// The registry starts this file with a WorkerInit and nothing else.
const init = workerData as WorkerInit
const { port, serve } = openWorker(init, parentPort)

const ids = createIds(systemClock)
const models = createModels({ env: init.env, clock: systemClock, redact: createRedact([]) })
const limits = { toolTimeoutMs: init.toolTimeoutMs, toolResultBytes: init.toolResultBytes }
const outgoing = createOutgoingTrace()
const agents = new Map<string, PreparedAgent>()

await serve({
  prepare: async (found) => {
    const agent = await prepareAgent(found, { models, defaultModel: init.defaultModel })
    agents.set(found.id, agent)
    const problem = models.keyProblem(found.agent.options.model ?? init.defaultModel)
    if (problem !== undefined) port.log('warn', problem, { agent_id: found.id })
    return agent.info
  },
  execute: async (job, { signal, handOver }) => {
    const agent = agents.get(job.agentId)
    if (agent === undefined) throw new Error(`agent "${job.agentId}" is not in revision ${init.revision}`)
    return executeRun(agent, job, {
      emit: (event) => port.emit(job.runId, event),
      ready: port.ready,
      commit: (messages, statePatch) => port.commit(job.runId, messages, statePatch),
      log: logOf(job),
      clock: systemClock,
      ids,
      signal,
      handOver,
      limits,
      inTrace: (toolCallId, code) => outgoing.run(toolTraceparent(job, toolCallId), code),
    })
  },
})

/** What a tool tells whom it calls: its own span, under the id that the main thread will give it. */
function toolTraceparent({ runId, attempt, trace }: RunJob, toolCallId: string): string {
  return formatTraceparent(trace.traceId, toolSpanId(runId, toolCallId, attempt), trace.sampled)
}

/** The log of a run's agent; its lines carry the run's ids. */
function logOf({ runId, sessionId, agentId }: RunJob) {
  const at = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) =>
    port.log(level, message, { ...toLogFields(fields), run_id: runId, session_id: sessionId, agent_id: agentId })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
