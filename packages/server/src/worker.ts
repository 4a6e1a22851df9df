/**
 * Composition root of a generation's worker: guards and hooks, then the agents folder, then runs until it is ended.
 * Knows no database and no socket but those of model providers; all else goes over the port.
 * @module
 */
import { enableCompileCache, flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { RunJob } from './base/run.ts'
import type { WorkerInit } from './loader/protocol.ts'
import type { PreparedAgent } from './runtime/agent.ts'

if (parentPort === null) throw new Error('worker.ts runs in a worker thread of the server')
// The registry starts this file with a WorkerInit and nothing else.
const init = workerData as WorkerInit
enableCompileCache(init.compileCache)

// What is imported statically would be compiled before the cache is on, anew in every worker.
const [{ systemClock }, { createIds }, { createRedact }] = await Promise.all([
  import('./base/clock.ts'),
  import('./base/ids.ts'),
  import('./base/redact.ts'),
])
const [{ openWorker }, { toLogFields }] = await Promise.all([
  import('./loader/worker-side.ts'),
  import('./loader/log-fields.ts'),
])
const [{ createModels }, { prepareAgent }, { executeRun }] = await Promise.all([
  import('./models/registry.ts'),
  import('./runtime/agent.ts'),
  import('./runtime/execute.ts'),
])

const ids = createIds(systemClock)
const models = createModels({ env: init.env, clock: systemClock, redact: createRedact([]) })
const agents = new Map<string, PreparedAgent>()
const side = openWorker(init, parentPort)
const { port } = side

const execute = async (job: RunJob, signal: AbortSignal) => {
  const agent = agents.get(job.agentId)
  if (agent === undefined) throw new Error(`agent "${job.agentId}" is not in revision ${init.revision}`)
  const log = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: Record<string, unknown>) =>
    port.log(level, message, {
      ...toLogFields(fields),
      run_id: job.runId,
      session_id: job.sessionId,
      agent_id: job.agentId,
    })
  return executeRun(agent, job, {
    emit: (event) => port.emit(job.runId, event),
    ready: port.ready,
    commit: (messages) => port.commit(job.runId, messages),
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    clock: systemClock,
    ids,
    signal,
    limits: { toolTimeoutMs: init.toolTimeoutMs, toolResultBytes: init.toolResultBytes },
  })
}

await side.serve({
  execute,
  prepare: async (found) => {
    const agent = await prepareAgent(found, { models, defaultModel: init.defaultModel })
    agents.set(found.id, agent)
    const problem = models.keyProblem(found.agent.options.model ?? init.defaultModel)
    if (problem !== undefined) port.log('warn', problem, { agent_id: found.id })
    return agent.info
  },
})
flushCompileCache()
