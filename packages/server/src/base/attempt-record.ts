/**
 * One attempt of a run as it was when it left the replica that ran it: all that spans and metrics are made from.
 * @module
 */
import type { Json, JsonObject } from './json.ts'
import type { MemoryBacklog } from './memory.ts'
import type { Message } from './message.ts'
import type { ModelName, RunFailure, RunStatus, SideUsage, StepEvent } from './run.ts'
import type { ToolInfo } from './runnable.ts'
import type { SpanLink } from './span.ts'
import type { TraceContext } from './trace-context.ts'
import type { Usage } from './usage.ts'

/**
 * Why an attempt began: the run is new; somebody answered or asked for more; it was lost with a replica or a worker; its
 * replica gave it away in order, or it waited in the queue again.
 */
export type AttemptOrigin = 'start' | 'continue' | 'recover' | 'hand-over'

/** What a run is, and where it comes from beside its trace. */
export type RunLineage = {
  readonly runType: 'agent' | 'team' | 'workflow'
  /** The run that has this one as a member or a step; the span of its call is `trace.parentSpanId`. */
  readonly parentRunId: string | null
  /** The run it was forked from, and the request that has let it go on, where they are in other traces. */
  readonly links: readonly SpanLink[]
}

/** How an attempt of a run began. */
export type AttemptStart = {
  /** From 1. */
  readonly attempt: number
  readonly origin: AttemptOrigin
  /** Milliseconds since the epoch, by the clock of the database. */
  readonly startedAt: number
  /** How many messages the journal had then. */
  readonly fromMessage: number
  /** As those of {@link RunLineage}. */
  readonly links: readonly SpanLink[]
}

/** An attempt that was killed before it could tell of itself: what its row and the journal know. */
export type LostAttempt = AttemptStart & {
  /** When the next attempt began. */
  readonly endedAt: number
  /** How many messages the journal had when the next attempt began. */
  readonly toMessage: number
}

/** The schedule that began a run, and which of its runs that is. */
export type ScheduleOrigin = { readonly scheduleId: string; readonly scheduleRunId: string }

/** Times are milliseconds since the epoch. */
export type AttemptRecord = RunLineage & {
  /** Absent when no schedule began it. */
  readonly schedule?: ScheduleOrigin | undefined
  readonly runId: string
  readonly sessionId: string
  readonly userId: string | null
  readonly agentId: string
  readonly agentName: string
  /** Empty when it ended without any. */
  readonly revision: string
  /** From 1. */
  readonly attempt: number
  readonly origin: AttemptOrigin
  /** When the run was accepted, by the clock of the database. */
  readonly createdAt: number
  readonly startedAt: number
  readonly endedAt: number
  /** PENDING: handed over. RUNNING: lost, and taken up by whoever comes first. */
  readonly status: RunStatus
  readonly model: ModelName
  /** What its model was asked with, by the names of the SDK; empty when nothing was run. */
  readonly modelSettings: JsonObject
  readonly input: string
  readonly content: Json
  readonly error: RunFailure | null
  /** Of its agent; empty when nothing was run. */
  readonly tools: readonly Pick<ToolInfo, 'name' | 'description' | 'parameters'>[]
  /** Earlier messages of its session that its model was given. */
  readonly history: readonly Message[]
  /** The transcript of the run at the end of the attempt, without the history of its session. */
  readonly messages: readonly Message[]
  /** How many of `messages` are a copy of another run's. */
  readonly inherited: number
  /** How many of `messages` were there when the attempt began. */
  readonly fromMessage: number
  /** Attempts right before it that were lost, oldest first; a later one that is lost too tells of them instead. */
  readonly lostBefore: readonly LostAttempt[]
  /** Begin and end of its model calls and tools, at most 10 000. */
  readonly marks: readonly StepEvent[]
  /** Of this attempt alone, without what stands in `beside`. */
  readonly usage: Usage
  /** What model calls beside the answer took; absent when there were none. */
  readonly beside?: readonly SideUsage[] | undefined
  /** Absent when its memory manager, if any, has read all there was. */
  readonly memoryBacklog?: MemoryBacklog | undefined
  readonly trace: TraceContext
}
