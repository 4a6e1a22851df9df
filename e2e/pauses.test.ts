/**
 * Runs that wait for a person: hours, restarts and new revisions later the answer still counts, and it counts once.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Files } from './agents-folder.ts'
import { HAS_POSTGRES } from './database.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { type Accepted, answerRun, continueRun, readRun, type Run, type Tool } from './run-requests.ts'
import { fake } from './script.ts'

const CLICKS = 20

/** Agent `clerk`, whose tools all ask somebody. @param version goes into what they return */
function clerk(version: string): Files {
  return {
    'clerk.ts': `import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'
import { act, INPUT } from './lib/act.ts'
const run = (name) => async (input, ctx) => (await act(name, input, ctx)) + ' in ${version}'
const confirm = tool({ name: 'confirm', input: INPUT, requiresConfirmation: true, run: run('confirm') })
const approve = tool({ name: 'approve', input: INPUT, approval: 'required', run: run('approve') })
const fill = tool({
  name: 'fill', requiresUserInput: ['city'], input: z.object({ id: z.string(), city: z.string() }),
  run: async (input, ctx) => (await act('fill', input, ctx)) + ' in ' + input.city,
})
const external = tool({ name: 'external', input: INPUT, externalExecution: true })
export default agent({ id: 'clerk', name: 'Clerk', tools: [confirm, approve, fill, external] })
`,
  }
}

describe.skipIf(!HAS_POSTGRES)('a run that waits for a person', () => {
  let fleet: Fleet
  beforeAll(async () => {
    fleet = await startFleet({ replicas: 2, agents: clerk('version 1') })
  })
  afterAll(() => fleet?.[Symbol.asyncDispose]())

  /** Runs `tool` at replica 0 until it waits. */
  const pause = async (tool: string, id: string): Promise<{ run: Accepted; waiting: readonly Tool[] }> => {
    const message = fake({ id, tool, args: { id }, text: 'Done' })
    const paused = await createClient({ baseUrl: fleet.replica(0).url }).run('clerk', { message })
    expect(paused.status).toBe('PAUSED')
    const waiting = paused.requirements?.map(({ tool_execution }) => tool_execution) ?? []
    return { run: acceptedOf(paused), waiting }
  }
  const confirmAll = (waiting: readonly Tool[]) => waiting.map((tool) => ({ ...tool, confirmed: true }))

  test.each([
    ['confirmed', 'confirm', (tool: Tool) => ({ ...tool, confirmed: true }), 1],
    ['carried out elsewhere', 'external', (tool: Tool) => ({ ...tool, result: 'By hand' }), 0],
  ])(`${CLICKS} clicks at once, at two replicas, answer a call once that is %s`, async (_what, tool, answer, times) => {
    const id = `clicks-${tool}`
    const { run, waiting } = await pause(tool, id)
    const click = async (number: number) => {
      const response = await continueRun(
        fleet.replica(number % 2).url,
        run,
        waiting.map((call) => answer(call)),
      )
      return { status: response.status, body: (await response.json()) as { error_id?: string; status?: string } }
    }
    const answers = await Promise.all(Array.from({ length: CLICKS }, (_, number) => click(number)))
    expect(answers.filter(({ status }) => status === 200)).toMatchObject([{ body: { status: 'COMPLETED' } }])
    // One more, long after.
    const late = [...answers.filter(({ status }) => status !== 200), await click(0)]
    expect(late.map(({ status, body }) => `${status} ${body.error_id}`)).toEqual(late.map(() => '409 RUN_NOT_PAUSED'))
    expect(await fleet.effects.list(id)).toHaveLength(times)
    const runs = await createClient({ baseUrl: fleet.replica(0).url }).sessions.runs(run.sessionId)
    expect(runs.map(({ run_id }) => run_id)).toEqual([run.runId])
  })

  test('what was rejected is not run, and the model hears why', async () => {
    const { run, waiting } = await pause('confirm', 'rejected')
    const answers = waiting.map((tool) => ({ ...tool, confirmed: false, confirmation_note: 'Too expensive' }))
    const done = await answerRun(fleet.replica(1).url, run, answers)
    expect(done).toMatchObject({ status: 'COMPLETED', content: 'Done' })
    expect(JSON.stringify(done.messages)).toContain('Too expensive')
    expect(await fleet.effects.list('rejected')).toEqual([])
  })

  test('an approval is decided once, at any replica, and then the run goes on', async () => {
    const { run } = await pause('approve', 'approval')
    const pending = await getJson<{ data: { id: string; run_id: string; tool_name: string }[] }>(
      `${fleet.replica(1).url}/approvals?status=pending&run_id=${run.runId}`,
    )
    expect(pending.data).toMatchObject([{ run_id: run.runId, tool_name: 'approve' }])
    const path = `/approvals/${pending.data[0]?.id}`
    const decisions = await Promise.all(
      Array.from({ length: CLICKS }, async (_, click) => {
        const response = await fetch(`${fleet.replica(click % 2).url}${path}/resolve`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ status: click % 3 === 0 ? 'approved' : 'rejected', resolved_by: `person ${click}` }),
        })
        await response.body?.cancel()
        return response.status
      }),
    )
    expect(decisions.filter((status) => status === 200)).toHaveLength(1)
    expect(decisions.filter((status) => status === 409)).toHaveLength(CLICKS - 1)
    const { status } = await getJson<{ status: string }>(`${fleet.replica(0).url}${path}/status`)

    const done = await answerRun(fleet.replica(0).url, run, [])
    expect(done).toMatchObject({ status: 'COMPLETED', content: 'Done' })
    expect(await fleet.effects.list('approval')).toHaveLength(status === 'approved' ? 1 : 0)
  })

  // Last: it replaces both servers.
  test('outlives kill -9 and a new revision: every kind of answer is taken by another server, with new code', async () => {
    const paused = {
      confirm: await pause('confirm', 'later-confirm'),
      fill: await pause('fill', 'later-fill'),
      external: await pause('external', 'later-external'),
      several: await pause('confirm+external', 'later-several'),
    }
    await fleet.effects.write(clerk('version 2'))
    for (const index of [0, 1]) {
      await fleet.kill(index)
      await fleet.start(index)
    }
    const url = fleet.replica(1).url
    expect((await readRun(url, paused.confirm.run)).status).toBe('PAUSED')

    const confirmed = await answerRun(url, paused.confirm.run, confirmAll(paused.confirm.waiting))
    expect(confirmed).toMatchObject({
      status: 'COMPLETED',
      tools: [{ result: 'confirm did later-confirm in version 2' }],
    })
    const [filling] = paused.fill.waiting
    const fields = (filling?.user_input_schema ?? []).map((field) =>
      field['name'] === 'city' ? { ...field, value: 'Bergen' } : field,
    )
    const filled = await answerRun(url, paused.fill.run, [{ ...filling, user_input_schema: fields }])
    expect(filled).toMatchObject({ status: 'COMPLETED', tools: [{ result: 'fill did later-fill in Bergen' }] })
    const external = paused.external.waiting.map((tool) => ({ ...tool, result: 'Done by hand' }))
    expect(await answerRun(url, paused.external.run, external)).toMatchObject({
      status: 'COMPLETED',
      tools: [{ result: 'Done by hand' }],
    })
    const both = paused.several.waiting.map((tool) =>
      tool.external_execution_required === true ? { ...tool, result: 'By hand' } : { ...tool, confirmed: true },
    )
    const several = await answerRun(url, paused.several.run, both)
    expect(several.status).toBe('COMPLETED')
    expect(several.tools?.map(({ result }) => result)).toEqual(['confirm did later-several in version 2', 'By hand'])

    const happened = (await fleet.effects.list()).filter(({ id }) => id.startsWith('later'))
    expect(happened.map(({ tool, id }) => `${tool} ${id}`)).toEqual([
      'confirm later-confirm',
      'fill later-fill',
      'confirm later-several',
    ])
  })
})

function acceptedOf({ agent_id, run_id, session_id }: Run): Accepted {
  return { agentId: agent_id, runId: run_id, sessionId: session_id }
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}
