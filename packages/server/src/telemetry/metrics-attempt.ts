/**
 * What one attempt of a run adds to the metrics. Pure: the record holds all of it.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { StepEvent } from '../base/run.ts'
import type { Usage } from '../base/usage.ts'
import type { Measurement } from './metrics-table.ts'
import type { CostOf } from './prices.ts'

type ModelEnd = Extract<StepEvent, { type: 'model-end' }>

export function measureAttempt(record: AttemptRecord, costOf: CostOf): Measurement[] {
  return [
    ...measureEnd(record),
    ...measureFirstToken(record),
    ...measureModelCalls(record, costOf),
    ...(record.beside ?? []).flatMap((call) => measureUsage(call, record.agentId, costOf)),
    ...measureTools(record),
    ...measureMemory(record),
  ]
}

function measureEnd({ status, agentId, error, startedAt, endedAt }: AttemptRecord): Measurement[] {
  const agent = { 'gen_ai.agent.id': agentId }
  switch (status) {
    case 'PENDING':
      return [{ key: 'handOvers', value: 1, attributes: agent }]
    case 'RUNNING':
      return [{ key: 'attemptsLost', value: 1, attributes: agent }]
    default: {
      const outcome = status.toLowerCase()
      const code = status === 'ERROR' ? error?.code : undefined
      const value = seconds(startedAt, endedAt)
      return [
        { key: 'runsEnded', value: 1, attributes: { ...agent, outcome, 'error.type': code } },
        { key: 'runDuration', value, attributes: { ...agent, outcome } },
      ]
    }
  }
}

/** Of what is stored only: an attempt that was lost has missed nothing, the next one reads it. */
function measureMemory({ status, agentId, memoryBacklog: backlog }: AttemptRecord): Measurement[] {
  if (backlog === undefined || status !== 'COMPLETED') return []
  const counts = { missed: backlog.isMissed ? 1 : 0, made_up: backlog.madeUp.length, failed: backlog.failed.length }
  return Object.entries(counts).flatMap(([outcome, value]) =>
    value === 0 ? [] : [{ key: 'missedMessages', value, attributes: { 'gen_ai.agent.id': agentId, outcome } }],
  )
}

function measureFirstToken({ origin, marks, startedAt, agentId }: AttemptRecord): Measurement[] {
  if (origin !== 'start') return []
  const asked = marks.find(({ type }) => type === 'model-start')
  const answered = marks.find((mark): mark is ModelEnd => mark.type === 'model-end')
  if (asked === undefined || answered?.timeToFirstTokenMs === undefined) return []
  const value = seconds(startedAt, asked.at + answered.timeToFirstTokenMs)
  return [{ key: 'firstToken', value, attributes: { 'gen_ai.agent.id': agentId } }]
}

/** A call that did not end failed with its run, unless the run was stopped or taken away. */
function measureModelCalls({ marks, status, error, endedAt, agentId }: AttemptRecord, costOf: CostOf): Measurement[] {
  const measured: Measurement[] = []
  let open: Extract<StepEvent, { type: 'model-start' }> | undefined
  for (const mark of marks) {
    if (mark.type === 'model-start') open = mark
    if (mark.type !== 'model-end') continue
    const value = seconds(open?.at ?? mark.at, mark.at)
    open = undefined
    measured.push({ key: 'modelDuration', value, attributes: describeCall(mark) })
    measured.push(...measureUsage(mark, agentId, costOf))
  }
  if (open !== undefined && status === 'ERROR') {
    const attributes = { ...describeCall(open), 'error.type': error?.code ?? 'INTERNAL' }
    measured.push({ key: 'modelDuration', value: seconds(open.at, endedAt), attributes })
  }
  return measured
}

function describeCall({ model }: Pick<ModelEnd, 'model'>) {
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': model.provider,
    'gen_ai.request.model': model.id,
  }
}

const KINDS: readonly (readonly [string, keyof Usage])[] = [
  ['input', 'inputTokens'],
  ['output', 'outputTokens'],
  ['cache_read', 'cacheReadTokens'],
  ['cache_write', 'cacheWriteTokens'],
  ['reasoning', 'reasoningTokens'],
]

function measureUsage(call: Pick<ModelEnd, 'model' | 'usage'>, agentId: string, costOf: CostOf): Measurement[] {
  const { model, usage } = call
  const name = { 'gen_ai.provider.name': model.provider, 'gen_ai.request.model': model.id }
  const measured: Measurement[] = []
  for (const [kind, field] of KINDS) {
    const value = usage[field]
    if (value > 0) measured.push({ key: 'modelTokens', value, attributes: { ...name, kind } })
    if (kind !== 'input' && kind !== 'output') continue
    const attributes = { ...describeCall(call), 'gen_ai.token.type': kind }
    measured.push({ key: 'tokenUsage', value, attributes })
  }
  const cost = costOf(model, usage)
  if (cost === undefined) return measured
  return [...measured, { key: 'modelCost', value: cost, attributes: { ...name, 'gen_ai.agent.id': agentId } }]
}

function measureTools({ marks }: AttemptRecord): Measurement[] {
  return marks.flatMap((mark) => {
    if (mark.type !== 'tool-end') return []
    const { toolName, isError, durationMs } = mark.tool
    const attributes = { 'gen_ai.tool.name': toolName, outcome: isError === true ? 'error' : 'ok' }
    return [{ key: 'toolDuration', value: (durationMs ?? 0) / 1000, attributes } satisfies Measurement]
  })
}

function seconds(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1000
}
