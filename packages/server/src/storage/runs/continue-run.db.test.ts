import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Message } from '../../base/message.ts'
import type { Requirement, RequirementAnswer } from '../../base/requirement.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { findApproval, listApprovals, resolveApproval } from './approvals.ts'
import { continueRun, type RunContinuation } from './continue-run.ts'
import { claimRuns, commitMessages, createRun, findRun, finishRun, loadMessages } from './runs.ts'
import { findSession } from '../sessions/sessions.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { assistantMessage, callMessage, newRun, runEnd, toolMessage, userMessage } from '../testing/new-run.ts'
import { continuation } from '../testing/continuation.ts'
import { newRequirement } from '../testing/requirement.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

const YES: RequirementAnswer = { confirmed: true, note: null, values: null, selections: null, result: null }

async function pause(requirements: readonly Requirement[], given: Parameters<typeof runEnd>[1] = {}): Promise<string> {
  const run = newRun({ initialSessionState: { mood: 'calm' } })
  await createRun(db, run)
  await finishRun(db, runEnd(run, { status: 'PAUSED', eventIndex: 4, requirements, ...given }))
  return run.runId
}

describe('a paused run', () => {
  test('keeps what it waits for, and gives up its lease', async () => {
    const requirement = newRequirement()
    const messages = [userMessage('hi'), callMessage('call-1')]
    const runId = await pause([requirement], { messages, statePatch: { set: { asked: true }, unset: [] } })
    const run = (await findRun(db, runId))!
    expect(run).toMatchObject({
      status: 'PAUSED',
      leaseOwner: null,
      leaseUntil: null,
      finishedAt: null,
      settledIndex: 4,
      requirements: [requirement],
    })
    expect((await findSession(db, run.sessionId))!.sessionState).toEqual({ mood: 'calm', asked: true })
  })

  test('goes on with the answers under a new owner, behind its last event', async () => {
    const requirement = newRequirement()
    const runId = await pause([requirement], { messages: [userMessage('hi'), callMessage('call-1')] })
    const requirements = [{ ...requirement, answer: YES }]
    const continued = await continueRun(db, continuation(runId, { requirements }))
    expect(continued).toMatchObject({
      origin: 'paused',
      lastIndex: 4,
      firstIndex: 5,
      voided: undefined,
      sessionState: { mood: 'calm' },
      run: { status: 'RUNNING', leaseOwner: 'replica-2', attempt: 2, lostAttempts: 0, requirements },
    })
    expect(await findRun(db, runId)).toEqual(continued!.run)
    expect((await loadMessages(db, [runId])).get(runId)).toHaveLength(2)
  })

  test('is continued by one of twenty who answer at once', async () => {
    const runId = await pause([newRequirement()])
    const owners = Array.from({ length: 20 }, (_, index) => `replica-${index}`)
    const continued = await Promise.all(owners.map((owner) => continueRun(db, continuation(runId, { owner }))))
    const winners = continued.flatMap((run) => (run === undefined ? [] : [run.run.leaseOwner]))
    expect(winners).toHaveLength(1)
    expect(await findRun(db, runId)).toMatchObject({ attempt: 2, leaseOwner: winners[0] })
  })

  test('left without an owner waits for whoever claims it', async () => {
    const runId = await pause([newRequirement()])
    const continued = await continueRun(db, continuation(runId, { owner: null, message: userMessage('and now') }))
    expect(continued).toMatchObject({
      firstIndex: 5,
      run: { status: 'PENDING', leaseOwner: null, leaseUntil: null, attempt: 1 },
    })
    expect((await loadMessages(db, [runId])).get(runId)).toMatchObject([{ content: 'and now' }])
    const claimed = await claimRuns(db, {
      owner: 'replica-3',
      leaseMs: 30_000,
      limit: 9,
      backgroundLimit: 0,
      components: [{ type: 'agent', id: 'assistant' }],
      held: [],
      lost: false,
      revision: 'def',
    })
    expect(claimed).toMatchObject([{ origin: 'queued', firstIndex: 5, run: { runId, attempt: 2 } }])
  })

  test('asks for an approval once, and its answer is stored with the run going on', async () => {
    const requirement = newRequirement({ approval: 'required', approvalId: crypto.randomUUID() })
    const shared = { approval: 'required', approvalId: crypto.randomUUID() } as const
    const requirements = [
      requirement,
      newRequirement({ ...shared, toolName: 'first' }),
      newRequirement({ ...shared, toolName: 'second' }),
      newRequirement({ approval: 'audit', approvalId: crypto.randomUUID() }),
      newRequirement(),
    ]
    const runId = await pause(requirements)
    const asked = await listApprovals(db, { runId, limit: 9, page: 1 })
    expect(asked.approvals.map(({ toolName }) => toolName).toSorted()).toEqual(['first', 'refund'])
    expect(await findApproval(db, requirement.approvalId!)).toMatchObject({
      status: 'pending',
      approvalType: 'required',
      pauseKind: 'confirmation',
      componentId: 'assistant',
      componentName: 'Assistant',
      toolName: 'refund',
      toolInput: { orderId: '7' },
      requirements,
      resolvedBy: null,
      resolvedAt: null,
      resolutionData: null,
      runStatus: 'PAUSED',
    })
    await resolveApproval(db, shared.approvalId, { status: 'rejected', resolvedBy: 'eve', resolutionData: null })
    const answer = { status: 'approved', resolvedBy: 'ada', resolutionData: { note: 'fine' } } as const
    const approvals = [requirement, shared].map(({ approvalId }) => ({ approvalId: approvalId!, ...answer }))
    const audited = { ...requirements[3]!, answer: YES }
    const audits = [
      { approvalId: audited.approvalId!, status: 'approved', resolvedBy: 'ada', requirement: audited },
    ] as const
    expect(await continueRun(db, continuation(runId, { approvals, audits }))).toBeDefined()
    expect(await findApproval(db, requirement.approvalId!)).toMatchObject({ ...answer, runStatus: 'RUNNING' })
    expect((await findApproval(db, requirement.approvalId!))!.resolvedAt).toBeInstanceOf(Date)
    // It was answered before, and keeps its answer.
    expect(await findApproval(db, shared.approvalId)).toMatchObject({ status: 'rejected', resolvedBy: 'eve' })
    expect(await findApproval(db, audited.approvalId!)).toMatchObject({
      status: 'approved',
      approvalType: 'audit',
      resolvedBy: 'ada',
      resolutionData: YES,
      requirements: [audited],
    })
  })

  test('that somebody else continued first changes nothing: no message, no approval, no audit', async () => {
    const requirement = newRequirement({ approval: 'required', approvalId: crypto.randomUUID() })
    const runId = await pause([requirement])
    const first = (await continueRun(db, continuation(runId)))!
    const late = continuation(runId, {
      owner: 'replica-3',
      message: userMessage('late'),
      approvals: [{ approvalId: requirement.approvalId!, status: 'approved', resolvedBy: null, resolutionData: null }],
      audits: [{ approvalId: crypto.randomUUID(), status: 'approved', resolvedBy: null, requirement }],
    })
    expect(await continueRun(db, late)).toBeUndefined()
    expect(await continueRun(db, { ...late, runId: 'nope' })).toBeUndefined()
    expect(await findRun(db, runId)).toEqual(first.run)
    expect((await loadMessages(db, [runId])).get(runId)).toEqual([])
    expect((await listApprovals(db, { runId, limit: 9, page: 1 })).approvals).toMatchObject([{ status: 'pending' }])
  })

  test('that is cancelled does not need its approvals any more', async () => {
    const requirement = newRequirement({ approval: 'required', approvalId: crypto.randomUUID() })
    const runId = await pause([requirement])
    await continueRun(db, continuation(runId))
    await finishRun(db, runEnd(newRun({ runId, leaseOwner: 'replica-2', attempt: 2 }), { status: 'CANCELLED' }))
    expect(await findApproval(db, requirement.approvalId!)).toMatchObject({ status: 'cancelled' })
  })
})

test('pauses and ends of a run bring its usage into the session once', async () => {
  const usage = { ...NO_USAGE, inputTokens: 10, totalTokens: 10 }
  const runId = await pause([], { usage, metrics: { usage, durationMs: 5 } })
  const { sessionId } = (await findRun(db, runId))!
  expect((await findSession(db, sessionId))!.usage).toEqual(usage)
  await continueRun(db, continuation(runId))
  const total = { ...usage, inputTokens: 25, totalTokens: 27, outputTokens: 2 }
  const run = newRun({ runId, leaseOwner: 'replica-2', attempt: 2 })
  await finishRun(db, runEnd(run, { usage: total, metrics: { usage: total, durationMs: 9 } }))
  expect((await findSession(db, sessionId))!.usage).toEqual(total)
})

test('committed changes of the state go on with a lost run, and into the session at its end', async () => {
  const run = newRun({ initialSessionState: { a: 1, b: 2 } })
  await createRun(db, run)
  const fence = { runId: run.runId, owner: 'replica-1', attempt: 1 }
  const statePatch = { set: { a: 3 }, unset: ['b'] }
  await commitMessages(db, { ...fence, firstSeq: 0, messages: [], eventIndex: 0, statePatch })
  await commitMessages(db, { ...fence, firstSeq: 0, messages: [userMessage('hi')], eventIndex: 1 })
  expect((await findRun(db, run.runId))!.statePatch).toEqual(statePatch)
  expect((await findSession(db, run.sessionId))!.sessionState).toEqual({ a: 1, b: 2 })
  expect((await finishRun(db, runEnd(run, { statePatch }))).sessionState).toEqual({ a: 3 })
  expect((await findRun(db, run.runId))!.statePatch).toBeNull()
})

describe('a failed run', () => {
  async function fail(
    messages: readonly Message[] = [userMessage('hi'), assistantMessage('half an ans')],
  ): Promise<string> {
    const run = newRun()
    await createRun(db, run)
    const error = { code: 'MODEL_UNAVAILABLE', message: 'The model did not answer.' } as const
    await finishRun(db, runEnd(run, { status: 'ERROR', error, messages, eventIndex: 8 }))
    return run.runId
  }
  const retry = (runId: string, given: Partial<RunContinuation> = {}) =>
    continueRun(db, continuation(runId, { from: 'ERROR', keepMessages: 1, ...given }))

  test('goes on without its last reply', async () => {
    const runId = await fail()
    expect(await continueRun(db, continuation(runId))).toBeUndefined()
    expect(await retry(runId)).toMatchObject({
      origin: 'failed',
      firstIndex: 9,
      run: { status: 'RUNNING', attempt: 2, error: null, finishedAt: null, maxAttempts: 3 },
    })
    expect((await loadMessages(db, [runId])).get(runId)).toMatchObject([{ content: 'hi' }])
  })

  test.each([
    [0, ['new']],
    [1, ['hi', 'new']],
    [2, ['hi', undefined, 'new']],
  ])('goes on with a new message after the %i that it keeps', async (keepMessages, contents) => {
    const runId = await fail()
    await retry(runId, { keepMessages, message: userMessage('new') })
    const journal = (await loadMessages(db, [runId])).get(runId)!
    expect(journal.map((message) => (message.role === 'user' ? message.content : undefined))).toEqual(contents)
  })

  test('may lose one attempt more, when it has lost all', async () => {
    const runId = await fail()
    await sql`update agentos_runs set lost_attempts = 3 where run_id = ${runId}`.execute(db)
    expect(await retry(runId)).toMatchObject({ run: { lostAttempts: 3, maxAttempts: 4 } })
  })

  test('left without an owner waits, or counts as lost when calls may have run', async () => {
    const open = await fail([userMessage('hi'), callMessage('call-1')])
    expect(await retry(open, { owner: null, keepMessages: 2 })).toMatchObject({
      run: { status: 'RUNNING', leaseOwner: null },
    })
    const answered = await fail([userMessage('hi'), callMessage('call-1'), toolMessage('call-1')])
    expect(await retry(answered, { owner: null, keepMessages: 3 })).toMatchObject({ run: { status: 'PENDING' } })
    const cut = await fail([userMessage('hi'), callMessage('call-1')])
    expect(await retry(cut, { owner: null, keepMessages: 1 })).toMatchObject({ run: { status: 'PENDING' } })
  })
})
