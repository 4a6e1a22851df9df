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
import type { JsonObject } from './base/json.ts'
import { attemptSpanId, formatTraceparent, toolSpanId } from './base/trace-context.ts'
import { toLogFields } from './loader/log-fields.ts'
import type { LogLevel, WorkerInit } from './loader/protocol.ts'
import { openWorker } from './loader/worker-side.ts'
import { findEmbedderProblem } from './models/embedding.ts'
import { createModels } from './models/registry.ts'
import { prepareAgent, type PreparedAgent } from './runtime/agent.ts'
import { executeRun } from './runtime/execute.ts'
import type { RunPorts } from './runtime/execution.ts'
import { createOutgoingTrace } from './runtime/outgoing-trace.ts'

if (parentPort === null) throw new Error('worker.ts runs in a worker thread of the server')
// The registry starts this file with a WorkerInit and nothing else.
const init = workerData as WorkerInit
const { port, output, serve } = openWorker(init, parentPort)

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
  checkBase: ({ id, embedder }) => {
    const problem = embedder === null ? undefined : findEmbedderProblem(embedder, init.env)
    if (problem !== undefined)
      port.log('warn', `${problem}: it is searched by words only`, { knowledge_id: id, embedder })
  },
  execute: async (job, { signal, handOver }) => {
    const agent = agents.get(job.agentId)
    if (agent === undefined) throw new Error(`agent "${job.agentId}" is not in revision ${init.revision}`)
    const run = idsOf(job)
    const ports: RunPorts = {
      emit: (event) => port.emit(job.runId, event),
      ready: port.ready,
      commit: (messages, statePatch) => port.commit(job.runId, messages, statePatch),
      ask: (kind, question) => port.ask(job.runId, kind, question),
      log: logOf(run),
      clock: systemClock,
      ids,
      signal,
      handOver,
      limits,
      inTrace: (toolCallId, code) => {
        const spanId = toolSpanId(job.runId, toolCallId, job.attempt)
        const traceparent = formatTraceparent(job.trace.traceId, spanId, job.trace.sampled)
        return outgoing.run(traceparent, () => output.run({ ...run, span_id: spanId, tool_call_id: toolCallId }, code))
      },
    }
    return output.run(run, () => executeRun(agent, job, ports))
  },
})

/** What every line of a run carries; of the trace, by the names of OpenTelemetry's log format. */
function idsOf({ runId, sessionId, agentId, attempt, trace }: RunJob) {
  const ids = { run_id: runId, session_id: sessionId, agent_id: agentId }
  return { ...ids, trace_id: trace.traceId, span_id: attemptSpanId(runId, attempt) }
}

/** The log of a run's agent; a line of a tool carries the tool's ids as well. */
function logOf(run: JsonObject) {
  const at = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) =>
    port.log(level, message, { ...toLogFields(fields), ...run, ...output.fields() })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
