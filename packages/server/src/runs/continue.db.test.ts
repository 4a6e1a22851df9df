import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AssistantMessage, Message, ToolMessage } from '../base/message.ts'
import type { RunResult } from '../base/run.ts'
import { NO_USAGE } from '../base/usage.ts'
import { listApprovals, resolveApproval } from '../storage/runs/approvals.ts'
import { readEvents } from '../storage/runs/run-events.ts'
import { findRun, loadMessages } from '../storage/runs/runs.ts'
import { findSession } from '../storage/sessions/sessions.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import type { ContinueRequest } from './runs.ts'
import { result, type ScriptedExecutor, scriptExecutor } from './testing/executor.ts'
import { openRuns, said, type TestRuns } from './testing/open-runs.ts'
import { answer, requirement } from './testing/requirements.ts'

let database: TestDatabase
let executor: ScriptedExecutor
let runs: TestRuns
/** How the next attempt ends; undefined leaves it running. */
let next: RunResult | undefined
beforeAll(async () => {
  database = await openTestDatabase()
  executor = scriptExecutor(({ handlers }) => next && handlers.onDone(next))
  runs = openRuns(database, executor)
})
afterAll(async () => {
  await runs.close()
  await database.close()
})

const call = (toolCallId: string) => ({
  type: 'tool-call' as const,
  toolCallId,
  toolName: 'send_mail',
  input: { to: 'ada' },
})
const reply = (text: string, ...calls: string[]): AssistantMessage => {
  const parts = [{ type: 'text' as const, text }, ...calls.map(call)]
  return { role: 'assistant', id: crypto.randomUUID(), createdAt: 1, parts, usage: NO_USAGE }
}
const tool = (toolCallId: string): ToolMessage => {
  const { toolName, input } = call(toolCallId)
  const outcome = { content: 'sent', isError: false, durationMs: 1 }
  return { role: 'tool', id: crypto.randomUUID(), createdAt: 1, toolCallId, toolName, input, ...outcome }
}
const STEP = [said('hi'), reply('first', 'call_0'), tool('call_0')]

/** A run that has come to rest. */
async function rest(end: Partial<RunResult>, given: Parameters<TestRuns['begin']>[0] = {}) {
  next = result({ metrics: { usage: { ...NO_USAGE, totalTokens: 10 }, durationMs: 1 }, ...end })
  const run = await runs.begin(given)
  await run.finished
  next = result()
  return run
}
const pause = (...calls: Parameters<typeof requirement>[0][]) => {
  const requirements = (calls.length === 0 ? [{}] : calls).map(requirement)
  const uncommitted = [...STEP, reply('second', ...requirements.map(({ toolCallId }) => toolCallId))]
  return rest({ status: 'PAUSED', requirements, uncommitted })
}
const asked = (run: { runId: string; sessionId: string }, given: Partial<ContinueRequest> = {}): ContinueRequest => ({
  agentId: 'assistant',
  runId: run.runId,
  sessionId: run.sessionId,
  userId: null,
  answers: [],
  input: undefined,
  continueFrom: 'end',
  fork: false,
  regenerate: false,
  replaceOriginal: undefined,
  background: false,
  streamed: true,
  mayApprove: false,
  resolvedBy: null,
  ...given,
})
const lastJob = () => executor.started.at(-1)!.job
const texts = (messages: readonly Message[]) =>
  messages.map((message) =>
    'content' in message
      ? message.content
      : message.parts
          .map((part) => ('text' in part ? part.text : part.type === 'media' ? part.media.id : part.toolCallId))
          .join(' '),
  )
const journalOf = async (runId: string) => texts((await loadMessages(database.db, [runId])).get(runId) ?? [])

describe('a paused run', () => {
  test('goes on where it was, with the answers', async () => {
    const run = await pause({ kind: 'external-execution' })
    expect(await findRun(database.db, run.runId)).toMatchObject({
      status: 'PAUSED',
      leaseOwner: null,
      finishedAt: null,
    })
    const { live, runId } = await runs.continue(
      asked(run, { answers: [answer({ result: 'done' }), answer({ toolCallId: 'call_0' })] }),
    )
    expect(runId).toBe(run.runId)
    expect(await live?.finished).toMatchObject({ status: 'COMPLETED', atRest: true })
    expect(lastJob()).toMatchObject({ attempt: 2, interrupted: false, requirements: [{ answer: { result: 'done' } }] })
    expect(texts(lastJob().journal)).toEqual(['hi', 'first call_0', 'sent', 'second call_1'])
    const events = (await readEvents(database.db, runId, -1)).flatMap((chunk) => chunk.events.split('\n'))
    expect(events).toEqual(['run-pause', 'run-continue', 'run-end'].map((event) => JSON.stringify({ event })))
    expect((await findSession(database.db, run.sessionId))?.usage).toMatchObject({ totalTokens: 0 })
  })

  test('stays as it is when the answers are wrong', async () => {
    const run = await pause()
    const confirmed = { answers: [answer({ confirmed: true })] }
    await expect(runs.continue(asked(run))).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(runs.continue(asked(run, { ...confirmed, input: 'and?' }))).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    })
    await expect(runs.continue(asked(run, { fork: true }))).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(runs.continue(asked(run, { ...confirmed, sessionId: 'other' }))).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
    })
    await expect(runs.continue(asked(run, { ...confirmed, agentId: 'nobody' }))).rejects.toMatchObject({
      code: 'AGENT_NOT_FOUND',
    })
    await expect(runs.continue({ ...asked(run), runId: 'unknown' })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'PAUSED', attempt: 1 })
  })

  test('goes on once when twenty answer it', async () => {
    const run = await pause()
    next = undefined
    const before = executor.started.length
    const answers = [answer({ confirmed: true })]
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => runs.continue(asked(run, { answers }))))
    const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    expect(refused).toEqual(Array.from({ length: 19 }, () => 'RUN_NOT_PAUSED'))
    expect(executor.started.length).toBe(before + 1)
    executor.started.at(-1)?.handlers.onDone(result())
    expect(await runs.wait(run.runId, AbortSignal.timeout(5000))).toMatchObject({ status: 'COMPLETED', attempt: 2 })
  })

  test('waits in the queue when it is to go on in the background', async () => {
    const run = await pause()
    const started = await runs.continue(asked(run, { answers: [answer({ confirmed: true })], background: true }))
    expect(started).toMatchObject({ status: 'PENDING', live: undefined })
    expect(await runs.wait(run.runId, AbortSignal.timeout(5000))).toMatchObject({ status: 'COMPLETED' })
    expect(lastJob()).toMatchObject({ attempt: 2, interrupted: false, requirements: [{ answer: { confirmed: true } }] })
  })

  test('is cancelled without going on first', async () => {
    const run = await pause({ approval: 'required', approvalId: crypto.randomUUID() })
    const before = executor.started.length
    await Promise.all([runs.cancel(run.runId), runs.cancel(run.runId)])
    // Its owner may have been faster, who looks whether a run was cancelled while it paused.
    const cancelled = { status: 'CANCELLED', content: 'firstsecond' }
    await expect.poll(() => findRun(database.db, run.runId), { timeout: 5000 }).toMatchObject(cancelled)
    expect(executor.started.length).toBe(before)
    const following = await runs.follow(run.runId, -1)
    expect(following?.missed.map(({ json }) => JSON.parse(json).event)).toEqual(['run-pause', 'run-cancel', 'run-end'])
    const { approvals } = await listApprovals(database.db, { runId: run.runId, limit: 9, page: 1 })
    expect(approvals.map(({ status }) => status)).toEqual(['cancelled'])
    await expect(runs.continue(asked(run, { answers: [answer({ confirmed: true })] }))).rejects.toMatchObject({
      code: 'RUN_NOT_CONTINUABLE',
    })
  })

  test('is cancelled when that was asked while it was pausing, here or elsewhere', async () => {
    next = undefined
    const paused = result({ status: 'PAUSED', requirements: [requirement()] })
    const here = await runs.begin()
    executor.started.at(-1)?.handlers.onDone(paused)
    await runs.cancel(here.runId)
    const statusOf = async (runId: string) => (await findRun(database.db, runId))?.status
    await expect.poll(() => statusOf(here.runId), { timeout: 5000 }).toBe('CANCELLED')
    const elsewhere = await runs.begin()
    // As another replica leaves it: the owner has not looked yet.
    await database.db
      .updateTable('agentos_runs')
      .set({ cancel_requested_at: new Date() })
      .where('run_id', '=', elsewhere.runId)
      .execute()
    executor.started.at(-1)?.handlers.onDone(paused)
    await expect.poll(() => statusOf(elsewhere.runId), { timeout: 5000 }).toBe('CANCELLED')
  })
})

describe('an approval', () => {
  const withApproval = (approvalId: string) => pause({ approval: 'required', approvalId })

  test('is asked for, and only who may give it goes on without it', async () => {
    const approvalId = crypto.randomUUID()
    const run = await withApproval(approvalId)
    const answers = [answer({ confirmed: true })]
    await expect(runs.continue(asked(run, { answers }))).rejects.toMatchObject({ code: 'APPROVAL_PENDING' })
    const { live } = await runs.continue(asked(run, { answers, mayApprove: true, resolvedBy: 'ada' }))
    await live?.finished
    const { approvals } = await listApprovals(database.db, { runId: run.runId, limit: 9, page: 1 })
    expect(approvals).toMatchObject([{ approvalId, status: 'approved', resolvedBy: 'ada', runStatus: 'COMPLETED' }])
  })

  test('that was given or refused is the answer, whatever else is sent', async () => {
    const approvalId = crypto.randomUUID()
    const run = await withApproval(approvalId)
    await resolveApproval(database.db, approvalId, {
      status: 'rejected',
      resolvedBy: 'eve',
      resolutionData: { note: 'no' },
    })
    const { live } = await runs.continue(asked(run, { answers: [answer({ confirmed: true })] }))
    await live?.finished
    expect(lastJob().requirements).toMatchObject([{ answer: { confirmed: false, note: 'no' } }])
  })

  test('of the kind that is only recorded is recorded with the answer', async () => {
    const approvalId = crypto.randomUUID()
    const run = await pause({ approval: 'audit', approvalId })
    const { live } = await runs.continue(
      asked(run, { answers: [answer({ confirmed: false, note: 'no' })], resolvedBy: 'ada' }),
    )
    await live?.finished
    const { approvals } = await listApprovals(database.db, { runId: run.runId, limit: 9, page: 1 })
    expect(approvals).toMatchObject([{ approvalId, approvalType: 'audit', status: 'rejected', resolvedBy: 'ada' }])
  })
})

describe('a failed run', () => {
  const failed = { status: 'ERROR', error: { code: 'MODEL_UNAVAILABLE', message: 'gone' } } as const

  test('goes on from its journal without its last reply, maybe with more input', async () => {
    const run = await rest({ ...failed, uncommitted: [...STEP, reply('broken')] })
    const { live, runId } = await runs.continue(asked(run))
    await live?.finished
    expect([runId, texts(lastJob().journal)]).toEqual([run.runId, ['hi', 'first call_0', 'sent']])
    expect(lastJob().interrupted).toBe(true)
    expect(await findRun(database.db, runId)).toMatchObject({ status: 'COMPLETED', error: null })
    const other = await rest({ ...failed, uncommitted: [...STEP, reply('broken')] })
    await (
      await runs.continue(asked(other, { input: 'again' }))
    ).live?.finished
    expect(await journalOf(other.runId)).toEqual(['hi', 'first call_0', 'sent', 'again'])
  })

  test('goes on once when twenty ask for it', async () => {
    const run = await rest({ ...failed, uncommitted: STEP })
    next = undefined
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => runs.continue(asked(run))))
    expect(all.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    executor.started.at(-1)?.handlers.onDone(result())
    expect(await runs.wait(run.runId, AbortSignal.timeout(5000))).toMatchObject({ attempt: 2 })
  })

  test('takes no input between a call and its result, and no answers', async () => {
    const run = await rest({ ...failed, uncommitted: [said('hi'), reply('first', 'call_0')] })
    await expect(runs.continue(asked(run, { input: 'again' }))).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(runs.continue(asked(run, { answers: [answer()] }))).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await (
      await runs.continue(asked(run))
    ).live?.finished
    expect(texts(lastJob().journal)).toEqual(['hi', 'first call_0'])
  })
})

test('a call that was allowed before the run failed is in doubt when the run goes on', async () => {
  const run = await pause({ toolCallId: 'call_1' })
  next = result({ status: 'ERROR', error: { code: 'MODEL_UNAVAILABLE', message: 'gone' } })
  const { live } = await runs.continue(asked(run, { answers: [answer({ confirmed: true })] }))
  await live?.finished
  next = result()
  await (
    await runs.continue(asked(run))
  ).live?.finished
  expect(lastJob()).toMatchObject({
    interrupted: true,
    requirements: [{ toolCallId: 'call_1', answer: { confirmed: true } }],
  })
})

test('an answer that comes when the run is over makes no fork', async () => {
  const run = await pause({ toolCallId: 'call_1' })
  const answers = [answer({ confirmed: true, result: 'sent' })]
  await (
    await runs.continue(asked(run, { answers }))
  ).live?.finished
  await expect(runs.continue(asked(run, { answers }))).rejects.toMatchObject({ code: 'RUN_NOT_PAUSED' })
})

describe('a run that has ended', () => {
  test('is forked, and stays as it was', async () => {
    const run = await rest({ uncommitted: [...STEP, reply('done')] })
    const started = await runs.continue(
      asked(run, { input: 'and then?', answers: [answer({ toolCallId: 'call_0', result: 'sent' })] }),
    )
    await started.live?.finished
    expect(started.runId).not.toBe(run.runId)
    expect(texts(lastJob().journal)).toEqual(['hi', 'first call_0', 'sent', 'done', 'and then?'])
    expect(await findRun(database.db, started.runId)).toMatchObject({
      forkedFromRunId: run.runId,
      forkedFromMessageIndex: 4,
      sessionId: run.sessionId,
    })
    expect(lastJob().inherited).toBe(4)
    const following = await runs.follow(started.runId, -1)
    expect(following?.missed[0]?.json).toBe('{"event":"run-continue"}')
    expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'COMPLETED', attempt: 1 })
    expect(await journalOf(run.runId)).toEqual(['hi', 'first call_0', 'sent', 'done'])
  })

  test.each([
    ['end', ['hi', 'first call_0', 'sent']],
    ['last_user', ['hi']],
    [1, ['hi']],
    [3, ['hi', 'first call_0', 'sent']],
  ] as const)('is forked from %s', async (continueFrom, journal) => {
    const run = await rest({ uncommitted: [...STEP, reply('done')] })
    await (
      await runs.continue(asked(run, { continueFrom }))
    ).live?.finished
    expect(texts(lastJob().journal)).toEqual(journal)
  })

  test.each([0, 2, 5, -1, 2 ** 31])('is not forked from %i', async (continueFrom) => {
    const run = await rest({ uncommitted: [...STEP, reply('done')] })
    await expect(runs.continue(asked(run, { continueFrom }))).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: `Cannot continue run ${run.runId} from message ${continueFrom}; it can be continued from 1, 3, 4`,
    })
  })

  test('is regenerated once, and hidden by what comes of that', async () => {
    const run = await rest({ uncommitted: [...STEP, reply('done')] })
    const all = await Promise.allSettled(
      Array.from({ length: 5 }, () => runs.continue(asked(run, { regenerate: true }))),
    )
    const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    expect(refused).toEqual(Array.from({ length: 4 }, () => 'RUN_NOT_CONTINUABLE'))
    expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'REGENERATED' })
    expect(texts(lastJob().journal)).toEqual(['hi', 'first call_0', 'sent'])
    const beside = await rest({ uncommitted: [...STEP, reply('done')] })
    await (
      await runs.continue(asked(beside, { regenerate: true, replaceOriginal: false }))
    ).live?.finished
    expect(await findRun(database.db, beside.runId)).toMatchObject({ status: 'COMPLETED' })
  })

  test('by a cancel is only forked', async () => {
    next = undefined
    const run = await runs.begin()
    await executor.started.at(-1)?.handlers.onCommit([said('hi')], undefined)
    await runs.cancel(run.runId)
    await run.finished
    next = result()
    await expect(runs.continue(asked(run))).rejects.toMatchObject({ code: 'RUN_NOT_CONTINUABLE' })
    await (
      await runs.continue(asked(run, { fork: true }))
    ).live?.finished
    expect(texts(lastJob().journal)).toEqual(['hi'])
  })

  test('of another user is not there', async () => {
    const run = await rest({ uncommitted: STEP }, { userId: 'ada' })
    await expect(runs.continue(asked(run, { userId: 'eve' }))).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    await (
      await runs.continue(asked(run, { userId: 'ada' }))
    ).live?.finished
  })
})

test('a run that goes on by itself is not continued', async () => {
  next = undefined
  const run = await runs.begin()
  for (const given of [{}, { fork: true }, { regenerate: true }, { answers: [answer({ confirmed: true })] }]) {
    await expect(runs.continue(asked(run, given))).rejects.toMatchObject({ code: 'RUN_NOT_PAUSED' })
  }
  executor.started.at(-1)?.handlers.onDone(result())
  await run.finished
})

test('state that a caller gave is laid over the session once', async () => {
  const run = await rest(
    { status: 'PAUSED', requirements: [requirement()], statePatch: { set: { count: 1 }, unset: ['gone'] } },
    { options: { sessionState: { name: 'a', gone: true } } },
  )
  expect((await findSession(database.db, run.sessionId))?.sessionState).toEqual({ name: 'a', count: 1 })
  await database.db
    .updateTable('agentos_sessions')
    .set({ session_state: '{"name":"b"}' })
    .where('session_id', '=', run.sessionId)
    .execute()
  await (
    await runs.continue(asked(run, { answers: [answer({ confirmed: true })] }))
  ).live?.finished
  expect(lastJob().sessionState).toEqual({ name: 'b' })
  expect((await findSession(database.db, run.sessionId))?.sessionState).toEqual({ name: 'b' })
})
