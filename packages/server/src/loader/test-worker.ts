/**
 * Worker of the loader's tests: loads folders as the server's worker does, and for a run does what its input says.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { type AgentOptions, isDefinition, type Tool } from '@agentos/sdk'
import { AgentOSError } from '../base/errors.ts'
import { isJsonObject, type Json, type JsonObject, parseJson, toJson } from '../base/json.ts'
import type { AgentInfo } from '../base/runnable.ts'
import { agentInfo } from '../base/testing/agent-info.ts'
import type { RunJob, RunResult } from '../base/run.ts'
import { NO_USAGE } from '../base/usage.ts'
import type { Found } from './load.ts'
import type { WorkerInit } from './protocol.ts'
import { openWorker, type RunControl } from './worker-side.ts'

if (parentPort === null) throw new Error('test-worker.ts runs in a worker thread')
// Tests start this file through the registry, which hands over a WorkerInit.
const init = workerData as WorkerInit
const { port, output, serve } = openWorker(init, parentPort)
const found = new Map<string, Found>()
const MODEL = { provider: 'test', id: 'none' }

await serve({
  prepare: (agent) => {
    found.set(agent.id, agent)
    if (agent.agent.options.description === 'cannot be prepared') throw new TypeError(`agent "${agent.id}" cannot work`)
    return Promise.resolve(describe(agent))
  },
  checkBase: ({ id, description }) => {
    if (description === 'cannot be') throw new AgentOSError('MODEL_UNKNOWN', `base "${id}" cannot be`)
  },
  execute: async (job, control) => {
    const content = await output.run({ run_id: job.runId }, () => perform(job, control))
    if (control.signal.aborted) return result('CANCELLED', content)
    return result(control.handOver() ? 'PENDING' : 'COMPLETED', content)
  },
})

async function perform(job: RunJob, { signal, handOver }: RunControl): Promise<Json> {
  const input = parseJson(job.input)
  if (input === undefined || !isJsonObject(input)) return `${init.revision} heard ${job.input}`
  if (typeof input['emit'] === 'number') return emit(job.runId, input['emit'])
  if (typeof input['commit'] === 'number') return commit(job.runId, input['commit'])
  if (typeof input['waitMs'] === 'number') {
    await delay(input['waitMs'], undefined, { signal }).catch(() => undefined)
    return signal.aborted ? (signal.reason as Error).message : `${init.revision} waited`
  }
  if (input['untilHandOver'] === true) {
    while (!handOver() && !signal.aborted) await delay(5)
    return `${init.revision} handed over`
  }
  return callTool(job, input)
}

async function emit(runId: string, count: number): Promise<Json> {
  let waits = 0
  for (let number = 0; number < count; number++) {
    const credit = port.ready()
    if (credit !== undefined) {
      waits += 1
      await credit
    }
    port.emit(runId, { type: 'content', at: number, text: String(number) })
  }
  return { waits }
}

async function commit(runId: string, count: number): Promise<Json> {
  for (let number = 0; number < count; number++) {
    port.emit(runId, { type: 'content', at: number, text: `before ${number}` })
    const message = { role: 'user', id: String(number), createdAt: 0, content: `message ${number}` } as const
    await port.commit(runId, [message], { set: { number }, unset: [] })
  }
  return count
}

async function callTool(job: RunJob, input: JsonObject): Promise<Json> {
  const agent = found.get(job.agentId)
  const tool = agent === undefined ? undefined : toolsOf(agent).find(({ name }) => name === input['tool'])
  if (tool?.run === undefined) throw new Error(`no tool ${JSON.stringify(input['tool'])}`)
  // The stub's tools take what the test sends and need no context.
  return toJson(await tool.run((input['input'] ?? {}) as never, undefined as never), 'result')
}

function toolsOf({ agent, tools }: Found): readonly Tool[] {
  const own: AgentOptions['tools'] = agent.options.tools ?? []
  return [...Object.values(own).filter((tool): tool is Tool => isDefinition(tool, 'tool')), ...tools]
}

function result(status: RunResult['status'], content: Json): RunResult {
  return {
    status,
    content,
    contentType: 'str',
    reasoning: '',
    model: MODEL,
    metrics: { usage: NO_USAGE, durationMs: 0 },
    statePatch: { set: {}, unset: [] },
    uncommitted: [],
  }
}

function describe(agent: Found): AgentInfo {
  const { options } = agent.agent
  const instructions = options.instructions ?? agent.instructions ?? null
  return agentInfo({
    id: agent.id,
    name: options.name ?? agent.id,
    description: options.description ?? null,
    model: MODEL,
    instructions: typeof instructions === 'string' ? instructions : null,
    tools: toolsOf(agent).map(({ name, description, effect }) => ({ name, description, effect, parameters: {} })),
    file: agent.file,
  })
}
