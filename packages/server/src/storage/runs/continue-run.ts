/**
 * A run at rest goes on in place: a paused one with the answers to its requirements, a failed one from its journal. One
 * statement, so that of two who continue a run at once one does. 2 ms on PostgreSQL 18 over loopback, 4 ms embedded.
 * @module
 */
import { sql } from 'kysely'
import type { Message } from '../../base/message.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { SpanLink } from '../../base/span.ts'
import { attemptStart } from './attempt-starts.ts'
import { readClaimed, SELECT_CLAIMED, type ClaimedRow, type ClaimedRun } from './claimed-run.ts'
import {
  answerApprovals,
  auditRecords,
  insertApprovals,
  type ApprovalAnswer,
  type NewApproval,
} from './new-approval.ts'
import type { Db } from '../tables.ts'
import { jsonText } from '../values.ts'

export type RunContinuation = {
  readonly runId: string
  /** Who runs it; null leaves it to whoever claims it. */
  readonly owner: string | null
  /** Milliseconds from now, by the clock of the database; without an owner there is no lease. */
  readonly leaseMs: number
  readonly from: 'PAUSED' | 'ERROR'
  /** With the answers. */
  readonly requirements: readonly Requirement[]
  /** Appended to the journal. */
  readonly message: Message | null
  /** How many messages of a failed run's journal stay, 0 or more; a paused run keeps all. */
  readonly keepMessages: number
  /** Answers to approvals that wait; one that was answered meanwhile keeps its answer. */
  readonly approvals: readonly ApprovalAnswer[]
  /** Records of answers that need no approval. */
  readonly audits: readonly NewApproval[]
  /** The request that lets it go on, where that is in another trace. */
  readonly links: readonly SpanLink[]
  /** The name of the agent, for the records. */
  readonly componentName: string
}

/**
 * A failed run may have ended while calls of its journal had no result, so whoever continues one must treat it as
 * interrupted. Left without an owner, such a run is RUNNING and released, as if its replica had died, instead of PENDING.
 * @returns undefined when the run is not, or not any more, in the status `from`; then nothing was written
 */
export async function continueRun(db: Db, continuation: RunContinuation): Promise<ClaimedRun | undefined> {
  const { runId, owner, from, message, approvals, audits, keepMessages } = continuation
  const leaseMs = owner === null ? null : continuation.leaseMs
  const isDropped = from === 'ERROR' ? sql`seq >= ${keepMessages}::integer` : sql`false`
  const nextSeq =
    from === 'ERROR'
      ? sql`${keepMessages}::integer`
      : sql`(select coalesce(max(seq) + 1, 0) from agentos_messages where run_id = ${runId})`
  const start = attemptStart({
    attempt: sql`r.attempt + 1`,
    origin: 'continue',
    fromMessage: sql`${nextSeq} + ${message === null ? 0 : 1}::integer`,
    links: continuation.links,
  })
  const claimed = await sql<ClaimedRow>`
    with claimed as (
      update agentos_runs r set
        status = ${statusAfter(continuation)}, lease_owner = ${owner},
        lease_until = now() + ${leaseMs}::float8 * interval '1 millisecond',
        attempt = r.attempt + ${owner === null ? 0 : 1}::integer, attempt_starts = jsonb_build_array(${start}),
        max_attempts = greatest(r.max_attempts, r.lost_attempts + 1),
        requirements = ${jsonText(continuation.requirements)}, error_code = null, error_message = null,
        cancel_requested_at = null, finished_at = null, updated_at = now()
      where r.run_id = ${runId} and r.status = ${from}
      returning r.*, ${from === 'PAUSED' ? 'paused' : 'failed'}::text as origin
    ), next as (
      select run_id, ${nextSeq} as seq, settled_index from claimed where ${message !== null}::boolean
    ), written as (
      insert into agentos_messages (run_id, seq, message, event_index)
      select run_id, seq, ${jsonText(message)}::jsonb, settled_index from next
      on conflict (run_id, seq) do update set message = excluded.message, event_index = excluded.event_index
    ), dropped as (
      -- Not the one that is written: a statement may change a row only once.
      delete from agentos_messages m using claimed
      where m.run_id = claimed.run_id and ${isDropped} and seq is distinct from (select seq from next)
    ), answered as (${answerApprovals('claimed', approvals)}
    ), recorded as (${insertApprovals('claimed', continuation.componentName, auditRecords(audits))})
    ${SELECT_CLAIMED}`.execute(db)
  const [run] = await readClaimed(db, claimed.rows)
  return run
}

function statusAfter({ owner, from, keepMessages }: RunContinuation) {
  if (owner !== null) return sql`'RUNNING'`
  if (from === 'PAUSED') return sql`'PENDING'`
  return sql`case when ${hasOpenCalls(keepMessages)} then 'RUNNING' else 'PENDING' end`
}

/** Whether the first `numMessages` messages of the run `r` have a call without its result. */
function hasOpenCalls(numMessages: number) {
  return sql`exists (
    select from agentos_messages m, jsonb_array_elements(m.message -> 'parts') as part
    where m.run_id = r.run_id and m.seq < ${numMessages}::integer and part ->> 'type' = 'tool-call' and not exists (
      select from agentos_messages answer
      where answer.run_id = r.run_id and answer.seq > m.seq and answer.seq < ${numMessages}::integer
        and answer.message ->> 'toolCallId' = part ->> 'toolCallId'
    )
  )`
}
