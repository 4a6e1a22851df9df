/**
 * How the attempts of a run began, noted in its row by the statements that begin them, so that whoever ends the run can
 * tell of attempts whose replicas were killed. A new run has no note: its row says all there is. An attempt that begins in
 * order drops the notes before it, because those attempts have told of themselves; so there are no more than a run may
 * lose attempts, and one.
 * @module
 */
import { sql, type RawBuilder } from 'kysely'
import type { AttemptOrigin } from '../../base/attempt-record.ts'
import type { SpanLink } from '../../base/span.ts'
import { jsonText } from '../values.ts'

export type NotedStart = {
  /** Number of the attempt, from 1. */
  readonly attempt: RawBuilder<unknown>
  readonly origin: AttemptOrigin
  /** How many messages the journal has then. */
  readonly fromMessage: RawBuilder<unknown>
  readonly links?: readonly SpanLink[]
}

/** One `AttemptStart` as jsonb, that begins now. */
export function attemptStart({ attempt, origin, fromMessage, links = [] }: NotedStart): RawBuilder<unknown> {
  return sql`jsonb_build_object('attempt', ${attempt}, 'origin', ${origin}::text, 'startedAt', ${NOW_MS},
    'fromMessage', ${fromMessage}, 'links', ${jsonText(links)}::jsonb)`
}

/** Milliseconds since the epoch, by the clock of the database. */
const NOW_MS = sql`floor(extract(epoch from now()) * 1000)`

/**
 * The notes of the run `r` as a claim leaves them, before its `attempt` is counted up. What let the run go on may have noted
 * the attempt already: it begins now. One that takes up a lost attempt is noted later ({@link withRecovery}), because the
 * owner before may still be writing.
 * @param origin of the claim, `claimed-run.ts`
 */
export function startsAfterClaim(origin: RawBuilder<unknown>): RawBuilder<unknown> {
  const journal = sql`(select coalesce(max(seq) + 1, 0) from agentos_messages m where m.run_id = r.run_id)`
  const noted = (given: AttemptOrigin) =>
    attemptStart({ attempt: sql`r.attempt + 1`, origin: given, fromMessage: journal })
  return sql`case
    when ${lastIs(sql`r.attempt + 1`)}
      then jsonb_build_array(r.attempt_starts -> -1 || jsonb_build_object('startedAt', ${NOW_MS}))
    when r.attempt = 0 or ${origin} = 'lost' then r.attempt_starts
    when ${origin} = 'paused' then jsonb_build_array(${noted('continue')})
    else jsonb_build_array(${noted('hand-over')})
  end`
}

/** The notes of the claimed run `r` that takes up a lost attempt, unless it was asked to go on and has a note of that. */
export function withRecovery(fromMessage: RawBuilder<unknown>): RawBuilder<unknown> {
  const recovery = attemptStart({ attempt: sql`r.attempt`, origin: 'recover', fromMessage })
  return sql`case when ${lastIs(sql`r.attempt`)} then r.attempt_starts else r.attempt_starts || ${recovery} end`
}

function lastIs(attempt: RawBuilder<unknown>) {
  return sql`coalesce((r.attempt_starts -> -1 ->> 'attempt')::integer = ${attempt}, false)`
}
