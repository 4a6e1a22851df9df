/**
 * Going on with a run that is there: with the answers it paused for, again after an error, or as a fork of it.
 *
 * | status             | what is asked                              | what happens                              |
 * | ------------------ | ------------------------------------------ | ----------------------------------------- |
 * | PAUSED             | answers                                    | the same run goes on                      |
 * | ERROR              | nothing, or more input                     | the same run goes on from its journal     |
 * | COMPLETED          | anything                                   | a fork                                    |
 * | any at rest        | fork, regenerate, or another point to cut  | a fork: a journal is never rewritten      |
 * | CANCELLED          | anything else                              | refused                                   |
 * | PENDING, RUNNING   | anything                                   | refused: it goes on by itself             |
 *
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Json } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { Requirement } from '../base/requirement.ts'
import { isAtRest } from '../base/run.ts'
import type { SpanLink } from '../base/span.ts'
import { parseTraceparent, spanIdOf, traceOf } from '../base/trace-context.ts'
import { cutsOf, upToLastUser, withoutLastReply } from '../base/transcript.ts'
import { listApprovals } from '../storage/runs/approvals.ts'
import type { Db } from '../storage/database.ts'
import type { NewApproval } from '../storage/runs/new-approval.ts'
import { type ClaimedRun, continueRun, findRun, forkRun, loadMessages, type Run } from '../storage/runs/runs.ts'
import { applyAnswers, type SentAnswer } from './answers.ts'
import { answerByApprovals, resolutionsOf } from './approvals.ts'
import type { Lease, Target } from './start.ts'

export type ContinueRequest = {
  readonly agentId: string
  readonly runId: string
  readonly sessionId: string
  readonly userId: string | null
  readonly answers: readonly SentAnswer[]
  /** What the user says now. */
  readonly input: string | undefined
  /** Where to cut the transcript: all of it, after the last message of the user, or how many messages to keep. */
  readonly continueFrom: 'end' | 'last_user' | number
  readonly fork: boolean
  /** Ask the model again for its last reply. */
  readonly regenerate: boolean
  /** Hide the original from the history of the session; only with `regenerate`, whose default is true. */
  readonly replaceOriginal: boolean | undefined
  /** Leave it to whichever replica claims it. */
  readonly background: boolean
  readonly streamed: boolean
  /** Whether the caller may resolve approvals. */
  readonly mayApprove: boolean
  /** Who answers, for the record. */
  readonly resolvedBy: string | null
  /** W3C trace context of the request; the run stays in its trace, and points to this one. */
  readonly traceparent?: string | null
}

export type ContinueDeps = {
  readonly db: Db
  readonly ids: Ids
  readonly clock: Clock
  readonly maxAttempts: number
  readonly checkInput: (agentId: string, toolName: string, input: Json) => Promise<string | undefined>
}

/**
 * @returns the run, leased to `lease.replicaId`, or waiting for whoever claims it when `background`
 * @throws {AgentOSError} RUN_NOT_FOUND, RUN_NOT_PAUSED, RUN_NOT_CONTINUABLE, INVALID_REQUEST, APPROVAL_PENDING
 */
export async function continueStored(
  deps: ContinueDeps,
  request: ContinueRequest,
  target: Target,
  lease: Lease,
): Promise<ClaimedRun> {
  const run = await findOwn(deps.db, request)
  if (!isAtRest(run.status)) {
    throw new AgentOSError('RUN_NOT_PAUSED', `Cannot continue run ${run.runId}: run is ${run.status.toLowerCase()}`)
  }
  refuseStale(run, request)
  const messages = (await loadMessages(deps.db, [run.runId])).get(run.runId) ?? []
  if (isFork(run, request)) return fork(deps, request, run, messages, target, lease)
  if (run.status === 'PAUSED') return answer(deps, request, run, messages, target, lease)
  if (run.status === 'ERROR') return retry(deps, request, run, messages, target, lease)
  throw new AgentOSError('RUN_NOT_CONTINUABLE', `Cannot continue run ${run.runId}: run is ${run.status.toLowerCase()}`)
}

async function findOwn(db: Db, { runId, sessionId, agentId, userId }: ContinueRequest): Promise<Run> {
  const run = await findRun(db, runId)
  const foreign = userId !== null && run?.userId !== null && run?.userId !== userId
  if (run === undefined || run.sessionId !== sessionId || run.componentId !== agentId || foreign) {
    // The words are Agno's.
    throw new AgentOSError('RUN_NOT_FOUND', `No runs found for run ID ${runId}`)
  }
  return run
}

/** A second click may come when the run is over already. Its answer asks for nothing new, so it must not make a fork. */
function refuseStale({ runId, status, requirements }: Run, request: ContinueRequest): void {
  const isOver = status === 'COMPLETED' || status === 'REGENERATED'
  if (!isOver || request.fork || request.regenerate || request.input !== undefined) return
  const answered = requirements.flatMap((requirement) => (requirement.answer ? [requirement.toolCallId] : []))
  const stale = request.answers.find(({ toolCallId }) => answered.includes(toolCallId))
  if (stale === undefined) return
  throw new AgentOSError(
    'RUN_NOT_PAUSED',
    `Cannot continue run ${runId}: ${stale.toolCallId} was answered already, and the run has completed`,
  )
}

function isFork({ status }: Run, { fork: asked, regenerate, continueFrom }: ContinueRequest): boolean {
  return asked || regenerate || continueFrom !== 'end' || status === 'COMPLETED' || status === 'REGENERATED'
}

async function answer(
  deps: ContinueDeps,
  request: ContinueRequest,
  run: Run,
  messages: readonly Message[],
  target: Target,
  lease: Lease,
): Promise<ClaimedRun> {
  if (request.input !== undefined) {
    throw new AgentOSError('INVALID_REQUEST', `Run ${run.runId} waits for answers; send input when it has ended`)
  }
  const { db } = deps
  const { approvals } = run.requirements.some(({ approval }) => approval === 'required')
    ? await listApprovals(db, { runId: run.runId, limit: run.requirements.length * 100, page: 1 })
    : { approvals: [] }
  const sent = answerByApprovals(run.requirements, approvals, request.answers, request.mayApprove)
  const known = new Set(messages.flatMap((message) => (message.role === 'tool' ? [message.toolCallId] : [])))
  const requirements = await applyAnswers(run.runId, run.requirements, sent, known, (toolName, input) =>
    deps.checkInput(request.agentId, toolName, input),
  )
  const continued = await continueRun(db, {
    runId: run.runId,
    owner: request.background ? null : lease.replicaId,
    leaseMs: lease.leaseMs,
    from: 'PAUSED',
    requirements,
    message: null,
    keepMessages: messages.length,
    approvals: resolutionsOf(requirements, approvals, request.resolvedBy),
    audits: auditsOf(requirements, run.requirements, request.resolvedBy),
    links: linksTo(run, request),
    componentName: target.agent.name,
  })
  if (continued !== undefined) return continued
  throw new AgentOSError('RUN_NOT_PAUSED', `Cannot continue run ${run.runId}: somebody else has answered it already`)
}

/** A record of each answer to a tool that asks for one. */
function auditsOf(
  answered: readonly Requirement[],
  before: readonly Requirement[],
  resolvedBy: string | null,
): NewApproval[] {
  const open = new Set(before.filter((requirement) => requirement.answer === null).map(({ id }) => id))
  return answered.flatMap((requirement) => {
    const { approval, approvalId, answer: given, id } = requirement
    if (approval !== 'audit' || approvalId === null || given === null || !open.has(id)) return []
    return [{ approvalId, status: given.confirmed === false ? 'rejected' : 'approved', resolvedBy, requirement }]
  })
}

async function retry(
  deps: ContinueDeps,
  request: ContinueRequest,
  run: Run,
  messages: readonly Message[],
  target: Target,
  lease: Lease,
): Promise<ClaimedRun> {
  refuseAnswers(request, run)
  const keepMessages = withoutLastReply(messages)
  // A user message between a call and its result is a transcript that no provider accepts.
  if (request.input !== undefined && !cutsOf(messages).includes(keepMessages)) {
    const message = `Run ${run.runId} failed while tools were running; continue it without input, or fork it`
    throw new AgentOSError('INVALID_REQUEST', message)
  }
  const continued = await continueRun(deps.db, {
    runId: run.runId,
    owner: request.background ? null : lease.replicaId,
    leaseMs: lease.leaseMs,
    from: 'ERROR',
    // A call that somebody allowed may have run before the end; without its answer it would only be asked for again.
    requirements: run.requirements.filter((requirement) => requirement.answer !== null),
    message: toMessage(deps, request.input),
    keepMessages,
    approvals: [],
    audits: [],
    links: linksTo(run, request),
    componentName: target.agent.name,
  })
  if (continued !== undefined) return continued
  throw new AgentOSError('RUN_NOT_PAUSED', `Cannot continue run ${run.runId}: somebody else has continued it already`)
}

async function fork(
  deps: ContinueDeps,
  request: ContinueRequest,
  run: Run,
  messages: readonly Message[],
  { executor }: Target,
  lease: Lease,
): Promise<ClaimedRun> {
  refuseAnswers(request, run)
  const message = toMessage(deps, request.input)
  const cause = causeOf(request)
  const forked = await forkRun(deps.db, {
    runId: deps.ids.uuid(),
    source: run.runId,
    messageIndex: cut(request, run, messages, message !== null),
    message,
    owner: request.background ? null : lease.replicaId,
    leaseMs: lease.leaseMs,
    revision: executor.revision,
    replaceOriginal: request.regenerate && request.replaceOriginal !== false,
    regenerated: request.regenerate,
    streamed: request.streamed,
    background: request.background,
    priority: 0,
    maxAttempts: deps.maxAttempts,
    // A fork begins a trace of its own.
    links: [
      { traceId: traceOf(run.runId, run.traceparent).traceId, spanId: spanIdOf(run.runId, 'run') },
      ...(cause ? [cause] : []),
    ],
  })
  if (forked !== undefined) return forked
  throw new AgentOSError(
    'RUN_NOT_CONTINUABLE',
    `Cannot continue run ${run.runId}: somebody else has regenerated or continued it already`,
  )
}

/** How many messages the fork keeps. */
function cut(request: ContinueRequest, run: Run, messages: readonly Message[], hasInput: boolean): number {
  const { continueFrom, regenerate } = request
  const cuts = cutsOf(messages)
  const asked = regenerate
    ? withoutLastReply(messages)
    : continueFrom === 'last_user'
      ? upToLastUser(messages)
      : continueFrom === 'end'
        ? messages.length
        : continueFrom
  if (!cuts.includes(asked)) {
    throw new AgentOSError(
      'INVALID_REQUEST',
      `Cannot continue run ${run.runId} from message ${asked}; it can be continued from ${cuts.join(', ') || 'none of its messages'}`,
    )
  }
  // With nothing new to say, a transcript that ends in an answer is asked for that answer again.
  return hasInput ? asked : withoutLastReply(messages.slice(0, asked))
}

function refuseAnswers({ answers }: ContinueRequest, { runId, status }: Run): void {
  // Clients send the calls of a run that has ended along, with their results.
  const open = answers.find(({ result }) => result === null)
  if (open === undefined) return
  throw new AgentOSError(
    'INVALID_REQUEST',
    `Run ${runId} is ${status.toLowerCase()} and waits for no answer, but one was sent for ${open.toolCallId}`,
  )
}

/** The request, where the run does not stand in its trace already. */
function linksTo({ runId, traceparent }: Run, request: ContinueRequest): SpanLink[] {
  const cause = causeOf(request)
  return cause === undefined || cause.traceId === traceOf(runId, traceparent).traceId ? [] : [cause]
}

/** The span of the request; undefined where nobody has one. */
function causeOf({ traceparent }: ContinueRequest): SpanLink | undefined {
  const { traceId, parentSpanId = null } = parseTraceparent(traceparent ?? '') ?? {}
  return traceId === undefined || parentSpanId === null ? undefined : { traceId, spanId: parentSpanId }
}

function toMessage({ ids, clock }: ContinueDeps, input: string | undefined): Message | null {
  return input === undefined ? null : { role: 'user', id: ids.uuid(), createdAt: clock.now(), content: input }
}
