/**
 * The account of a disaster: every accepted run finished, paused, failed with a reason or was cancelled, and no effect
 * that must not happen twice did.
 * @module
 */
import type { Effect } from './effects.ts'
import { type Accepted, type Run, waitForRest } from './run-requests.ts'

export type Account = {
  readonly runs: readonly Run[]
  /** How many runs ended how. */
  readonly count: Readonly<Record<'COMPLETED' | 'PAUSED' | 'ERROR' | 'CANCELLED', number>>
  /** What speaks against the promise that no run is lost or doubled; empty when it was kept. */
  readonly faults: readonly string[]
}

/**
 * Waits until all runs are at rest and looks at each.
 * @param url of a replica that may be asked now
 */
export async function account(
  url: string | (() => string | undefined),
  accepted: readonly Accepted[],
  timeoutMs = 40_000,
): Promise<Account> {
  const runs = await Promise.all(accepted.map((run) => waitForRest(url, run, timeoutMs)))
  const count = { COMPLETED: 0, PAUSED: 0, ERROR: 0, CANCELLED: 0 }
  const faults: string[] = []
  for (const run of runs) {
    if (!(run.status in count)) faults.push(`${run.run_id} is ${run.status}`)
    else count[run.status as keyof typeof count]++
    faults.push(...faultsOf(run).map((fault) => `${run.run_id} (${run.status}): ${fault}`))
  }
  if (new Set(accepted.map(({ runId }) => runId)).size !== accepted.length) faults.push('one id for two runs')
  return { runs, count, faults }
}

function faultsOf(run: Run): string[] {
  const faults: string[] = []
  if (run.status === 'ERROR' && (typeof run.content !== 'string' || run.content === '')) faults.push('no reason')
  if (run.status === 'PAUSED' && (run.requirements ?? []).length === 0) faults.push('waits for nothing')
  // Each call of the model is answered once, before the next message that is no answer.
  let open: string[] = []
  for (const message of run.messages) {
    if (message.from_history) continue
    if (message.role === 'tool') {
      const id = message.tool_call_id ?? ''
      if (!open.includes(id)) faults.push(`the result of ${id} is there twice, or nobody called it`)
      open = open.filter((other) => other !== id)
    } else {
      if (open.length > 0) faults.push(`no result of ${open.join(', ')}`)
      open = message.tool_calls?.map(({ id }) => id) ?? []
    }
  }
  if (open.length > 0 && run.status === 'COMPLETED') faults.push(`no result of ${open.join(', ')}`)
  const ends = (run.events ?? []).filter((event) => event['event'] === 'RunCompleted').length
  if (run.status === 'COMPLETED' && run.events !== undefined && ends !== 1) faults.push(`${ends} RunCompleted`)
  return faults
}

/** Calls of `once` that happened more than once; calls of `keyed` whose repetition came with another key. */
export function doubledEffects(effects: readonly Effect[]): readonly string[] {
  const once = effects.filter(({ tool }) => tool === 'once').map(({ runId, id }) => `once ${id} of ${runId}`)
  const keys = Map.groupBy(
    effects.filter(({ tool }) => tool === 'keyed'),
    ({ runId, id }) => `keyed ${id} of ${runId}`,
  )
  const rekeyed = [...keys].filter(([, calls]) => new Set(calls.map(({ effectKey }) => effectKey)).size > 1)
  return [...once.filter((call, index) => once.indexOf(call) !== index), ...rekeyed.map(([call]) => call)]
}
