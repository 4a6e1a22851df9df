import { Schedule, SchedulePage, ScheduleRun, ScheduleRunPage, ScheduleState } from '@agentos/wire'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { updateSchedule } from '../../storage/schedules/schedules.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { removeAll, storeMany } from '../../storage/testing/schedule.ts'
import { openScheduling, type SchedulingReplica } from '../testing/scheduling.ts'

let database: TestDatabase
let server: SchedulingReplica
beforeAll(async () => {
  database = await openTestDatabase()
  server = await openScheduling(database, { isLooking: false })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await database?.close()
})
beforeEach(() => removeAll(database.db))

const BASE = {
  name: 'daily-report',
  cron_expr: '0 9 * * *',
  endpoint: '/agents/assistant/runs',
  payload: { message: 'Hi' },
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
async function call(method: Method, url: string, payload?: object) {
  const answer = await server.app.inject({ method, url, ...(payload && { payload }) })
  return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
}
const make = async (given: object = {}) => (await call('POST', '/schedules', { ...BASE, ...given })).body

test('makes a schedule with the defaults, as Agno shows it', async () => {
  const { status, body } = await call('POST', '/schedules', { ...BASE, timezone: 'Europe/Berlin' })
  expect(status).toBe(201)
  expect(Schedule.safeParse(body).error).toBeUndefined()
  expect(body).toEqual({
    id: expect.any(String),
    user_id: null,
    name: 'daily-report',
    description: null,
    method: 'POST',
    endpoint: '/agents/assistant/runs',
    payload: { message: 'Hi' },
    cron_expr: '0 9 * * *',
    timezone: 'Europe/Berlin',
    timeout_seconds: 3600,
    max_retries: 0,
    retry_delay_seconds: 60,
    missed_policy: 'run_once',
    overlap_policy: 'skip',
    enabled: true,
    next_run_at: expect.any(Number),
    managed_by: null,
    target_type: 'agent',
    target_id: 'assistant',
    disabled_reason: null,
    created_at: expect.any(Number),
    updated_at: expect.any(Number),
  })
  const hour = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'short' })
  expect(hour.format(body.next_run_at * 1000)).toBe('09:00')
  expect((await call('GET', `/schedules/${body.id}`)).body).toEqual(body)
})

test('refuses what could not work, in words', async () => {
  const refused: [object, unknown][] = [
    [{ name: '-x' }, "Name must start with alphanumeric and contain only alphanumeric, spaces, '.', '_', '-'"],
    [{ name: 'x'.repeat(256) }, 'String should have at most 255 characters'],
    [{ cron_expr: '0 9 * *' }, 'Invalid cron expression: 0 9 * * (it needs five fields, and has 4)'],
    [{ cron_expr: '0 0 30 2 *' }, 'Invalid cron expression: 0 0 30 2 * (that date never comes)'],
    [{ timezone: 'Mars/Olympus' }, 'Invalid timezone: Mars/Olympus'],
    [{ endpoint: 'agents/x' }, 'Endpoint must be a path that starts with / and has no spaces'],
    [{ endpoint: '/agents http://x' }, 'Endpoint must be a path that starts with / and has no spaces'],
    [{ endpoint: '/http://evil/' }, 'Endpoint must be a path that starts with / and has no spaces'],
    [{ endpoint: '/nope' }, '/nope is no route of this server; /docs lists them'],
    [{ endpoint: '/schedules' }, 'A schedule cannot call schedules'],
    [{ endpoint: '/schedules/x/trigger' }, 'A schedule cannot call schedules'],
    [{ endpoint: '/agents/../runs' }, 'Endpoint must be percent-encoded, and without . and .. as parts'],
    [{ endpoint: '/agents/%2e%2e/runs' }, 'Endpoint must be percent-encoded, and without . and .. as parts'],
    [{ endpoint: '//evil/runs' }, '//evil/runs is no route of this server; /docs lists them'],
    [{ endpoint: '/agents/nobody/runs' }, 'No agent nobody is served; GET /agents lists them'],
    [{ method: 'DELETE' }, '/agents/assistant/runs takes POST, GET, not DELETE'],
    [{ method: 'BREW' }, "Input should be 'GET', 'POST', 'PUT', 'PATCH' or 'DELETE'"],
    [{ payload: {} }, 'Field required'],
    [{ payload: { message: 'x', session_state: 'no' } }, expect.any(String)],
    [{ payload: { message: 'x'.repeat(70_000) } }, expect.stringContaining('at most 65536')],
    [{ timeout_seconds: 0 }, 'Input should be greater than or equal to 1'],
    [{ max_retries: 11 }, 'Input should be less than or equal to 10'],
    [{ overlap_policy: 'maybe' }, "Input should be 'skip', 'queue' or 'allow'"],
  ]
  for (const [given, words] of refused) {
    const { status, body } = await call('POST', '/schedules', { ...BASE, ...given })
    const said = typeof body.detail === 'string' ? body.detail : body.detail?.[0]?.msg
    expect({ given, status, said }).toEqual({ given, status: 422, said: words })
  }
  const { body } = await call('POST', '/schedules', { ...BASE, payload: {} })
  expect(body.detail[0].loc).toEqual(['body', 'payload', 'message'])
})

test('gives a name to one schedule, and takes no more than it may have', async () => {
  await make()
  expect(await call('POST', '/schedules', BASE)).toMatchObject({
    status: 409,
    body: { detail: "Schedule with name 'daily-report' already exists", error_id: 'SCHEDULE_EXISTS' },
  })
  await storeMany(database.db, 99)
  expect(await call('POST', '/schedules', { ...BASE, name: 'other' })).toMatchObject({
    status: 409,
    body: { detail: 'There are 100 schedules already', error_id: 'SCHEDULES_FULL' },
  })
})

test('lists schedules, newest first, a page at a time', async () => {
  for (const name of ['a', 'b', 'c']) await make({ name })
  const { body } = await call('GET', '/schedules?limit=2')
  expect(SchedulePage.safeParse(body).error).toBeUndefined()
  expect(body.data.map(({ name }: Schedule) => name)).toEqual(['c', 'b'])
  expect(body.meta).toMatchObject({ page: 1, limit: 2, total_count: 3, total_pages: 2 })
  await call('POST', `/schedules/${body.data[0].id}/disable`)
  const namesOf = async (query: string) =>
    (await call('GET', `/schedules?${query}`)).body.data.map(({ name }: Schedule) => name)
  expect(await namesOf('enabled=true')).toEqual(['b', 'a'])
  expect(await namesOf('enabled=false')).toEqual(['c'])
  expect(await namesOf('limit=2&page=2')).toEqual(['a'])
})

test('changes what is given; another time gives it another next run', async () => {
  const made = await make()
  const path = `/schedules/${made.id}`
  const described = await call('PATCH', path, { description: 'Every morning', max_retries: 2 })
  expect(described).toMatchObject({ status: 200, body: { description: 'Every morning', max_retries: 2 } })
  expect(described.body.next_run_at).toBe(made.next_run_at)
  const { body: hourly } = await call('PATCH', path, { cron_expr: '30 * * * *', timezone: 'Asia/Kolkata' })
  expect(hourly.next_run_at % 3600).toBe(0)
  expect(await call('PATCH', path, { cron_expr: '' })).toMatchObject({ body: { cron_expr: null, next_run_at: null } })
  expect(await call('PATCH', path, { payload: null, method: 'get' })).toMatchObject({
    status: 200,
    body: { payload: null, method: 'GET' },
  })
  for (const wrong of [{ name: null }, { cron_expr: 'x' }, { method: 'POST' }, { endpoint: '/nope' }]) {
    expect({ wrong, status: (await call('PATCH', path, wrong)).status }).toEqual({ wrong, status: 422 })
  }
  await make({ name: 'other' })
  expect((await call('PATCH', path, { name: 'other' })).status).toBe(409)
  expect((await call('PATCH', path, { name: 'daily-report' })).status).toBe(200)
})

test('disables and enables', async () => {
  const { id, next_run_at } = await make()
  const { status, body } = await call('POST', `/schedules/${id}/disable`)
  expect(ScheduleState.safeParse(body).error).toBeUndefined()
  expect([status, body]).toEqual([
    200,
    { id, name: 'daily-report', enabled: false, next_run_at: null, updated_at: expect.any(Number) },
  ])
  expect(await call('PATCH', `/schedules/${id}`, { cron_expr: '1 9 * * *' })).toMatchObject({
    body: { enabled: false, next_run_at: null },
  })
  expect((await call('POST', `/schedules/${id}/enable`)).body).toMatchObject({
    enabled: true,
    next_run_at: next_run_at + 60,
  })
})

describe('trigger', () => {
  test('answers with the run as soon as it is in the queue, also of a schedule without a time', async () => {
    const { id } = await make({ cron_expr: '' })
    const { status, body } = await call('POST', `/schedules/${id}/trigger`)
    expect(ScheduleRun.safeParse(body).error).toBeUndefined()
    expect([status, body]).toMatchObject([
      200,
      {
        schedule_id: id,
        attempt: 1,
        status: 'running',
        status_code: 202,
        run_id: expect.any(String),
        session_id: expect.any(String),
        tick_at: null,
        completed_at: null,
        input: { input_content: 'Hi' },
      },
    ])
    const history = await call('GET', `/schedules/${id}/runs`)
    expect(ScheduleRunPage.safeParse(history.body).error).toBeUndefined()
    expect(history.body.data.map((run: ScheduleRun) => run.id)).toEqual([body.id])
    expect((await call('GET', `/schedules/${id}/runs/${body.id}`)).body.run_id).toBe(body.run_id)
  })

  test('answers with the failure of what cannot begin', async () => {
    const { id } = await make()
    await updateSchedule(database.db, id, { endpoint: '/agents/gone/runs' })
    expect(await call('POST', `/schedules/${id}/trigger`)).toMatchObject({
      status: 200,
      body: { status: 'failed', status_code: 404, error: 'HTTP 404: Agent not found', run_id: null },
    })
  })

  test('refuses a disabled one', async () => {
    const { id } = await make()
    await call('POST', `/schedules/${id}/disable`)
    expect(await call('POST', `/schedules/${id}/trigger`)).toMatchObject({
      status: 409,
      body: { detail: 'Schedule is disabled' },
    })
  })
})

test('deletes a schedule with its history', async () => {
  const { id } = await make()
  const { body } = await call('POST', `/schedules/${id}/trigger`)
  expect(await call('DELETE', `/schedules/${id}`)).toEqual({ status: 204, body: undefined })
  expect((await call('GET', `/schedules/${id}/runs/${body.id}`)).status).toBe(404)
  expect((await call('GET', `/sessions/${body.session_id}`)).status).toBe(200)
})

test('knows no other schedules', async () => {
  const missing: [Method, string][] = [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/enable'],
    ['POST', '/disable'],
    ['POST', '/trigger'],
    ['GET', '/runs'],
  ]
  for (const [method, path] of missing) {
    const answer = await call(method, `/schedules/nope${path}`, method === 'PATCH' ? {} : undefined)
    expect([method, path, answer.status, answer.body.detail]).toEqual([method, path, 404, 'Schedule not found'])
  }
  expect(await call('GET', '/schedules/nope/runs/nope')).toMatchObject({
    status: 404,
    body: { detail: 'Schedule run not found' },
  })
})
