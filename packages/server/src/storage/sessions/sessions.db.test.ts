import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendEvents, readEvents } from '../runs/run-events.ts'
import { createRun, findRun, finishRun } from '../runs/runs.ts'
import { createSession, deleteSessions, findSession, listSessions, updateSession } from './sessions.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun, runEnd, userMessage } from '../testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

const FIRST_PAGE = { limit: 20, page: 1 }

describe('one session', () => {
  test('is created once, and found as it was created', async () => {
    const given = {
      sessionId: 'once',
      sessionType: 'team',
      componentId: 'crew',
      userId: 'ada',
      sessionName: 'Plans',
      sessionState: { list: [1, null, { deep: 'ü' }] },
      metadata: { source: 'test' },
    } as const
    const created = await createSession(db, given)
    expect(created).toMatchObject(given)
    expect(created).toMatchObject({ defaultName: '', summary: null, createdAt: expect.any(Date) })
    expect(await findSession(db, 'once')).toEqual(created)
    expect(await createSession(db, given)).toBeUndefined()
  })

  test('twenty creators at once: one creates it', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () => createSession(db, { sessionId: 'raced', sessionType: 'agent' })),
    )
    expect(results.filter((session) => session !== undefined)).toHaveLength(1)
  })

  test('is not there for another user or as another type', async () => {
    await createSession(db, { sessionId: 'mine', sessionType: 'agent', userId: 'ada' })
    expect(await findSession(db, 'mine', { userId: 'ada', sessionType: 'agent' })).toBeDefined()
    expect(await findSession(db, 'mine', { userId: 'eve' })).toBeUndefined()
    expect(await findSession(db, 'mine', { sessionType: 'team' })).toBeUndefined()
    expect(await updateSession(db, 'mine', { sessionName: 'stolen' }, { userId: 'eve' })).toBeUndefined()
    expect(await deleteSessions(db, ['mine'], { userId: 'eve' })).toBe(0)
    expect(await findSession(db, 'mine')).toMatchObject({ sessionName: null })
  })

  test('changes only what is given', async () => {
    await createSession(db, { sessionId: 'changing', sessionType: 'agent', sessionState: { a: 1 }, metadata: { m: 1 } })
    const renamed = await updateSession(db, 'changing', { sessionName: 'New name' })
    expect(renamed).toMatchObject({ sessionName: 'New name', sessionState: { a: 1 }, metadata: { m: 1 } })
    const changed = await updateSession(db, 'changing', {
      sessionState: { b: 2 },
      metadata: null,
      summary: { summary: 's' },
    })
    expect(changed).toMatchObject({
      sessionName: 'New name',
      sessionState: { b: 2 },
      metadata: null,
      summary: { summary: 's' },
    })
    expect(changed!.updatedAt.getTime()).toBeGreaterThanOrEqual(renamed!.updatedAt.getTime())
    expect(await updateSession(db, 'missing', { sessionName: 'x' })).toBeUndefined()
  })

  test('is deleted with its runs, messages and events, any number of times', async () => {
    const run = newRun()
    await createRun(db, run)
    await appendEvents(db, 'replica-1', [{ runId: run.runId, attempt: 1, firstIndex: 0, lastIndex: 0, events: '{}' }])
    await finishRun(db, runEnd(run, { messages: [userMessage('bye')] }))
    expect(await deleteSessions(db, [run.sessionId, 'never there'])).toBe(1)
    expect(await deleteSessions(db, [run.sessionId])).toBe(0)
    expect(await deleteSessions(db, [])).toBe(0)
    expect(await findRun(db, run.runId)).toBeUndefined()
    for (const table of ['agentos_messages', 'agentos_run_events'] as const) {
      expect(await db.selectFrom(table).select('run_id').where('run_id', '=', run.runId).execute()).toEqual([])
    }
    expect(await readEvents(db, run.runId, -1)).toEqual([])
  })

  test('is deleted while its runs end, without a deadlock', async () => {
    for (let round = 0; round < 5; round++) {
      const { sessionId } = newRun()
      const runs = Array.from({ length: 8 }, () => newRun({ sessionId }))
      await Promise.all(runs.map((run) => createRun(db, run)))
      await Promise.all([...runs.map((run) => finishRun(db, runEnd(run))), deleteSessions(db, [sessionId])])
      expect(await findSession(db, sessionId)).toBeUndefined()
    }
  })
})

describe('listing', () => {
  const USER = 'lister'
  beforeAll(async () => {
    const names = ['Zebra crossing', 'apple pie', '100% sure_thing', null, 'Élan'] as const
    for (const [index, sessionName] of names.entries()) {
      await createSession(db, {
        sessionId: `listed-${index}`,
        sessionType: index === 4 ? 'team' : 'agent',
        componentId: index % 2 === 0 ? 'even' : 'odd',
        userId: USER,
        sessionName,
        defaultName: `default name ${index}`,
      })
    }
  })
  const ids = async (query: Partial<Parameters<typeof listSessions>[1]>) => {
    const { sessions } = await listSessions(db, { ...FIRST_PAGE, userId: USER, ...query })
    return sessions.map(({ sessionId }) => Number(sessionId.split('-')[1]))
  }

  test('is newest first unless told otherwise', async () => {
    expect(await ids({})).toEqual([4, 3, 2, 1, 0])
    expect(await ids({ sortOrder: 'asc' })).toEqual([0, 1, 2, 3, 4])
    expect(await ids({ sortBy: 'session_id', sortOrder: 'asc' })).toEqual([0, 1, 2, 3, 4])
  })

  test('filters by type, component and user', async () => {
    expect(await ids({ type: 'team' })).toEqual([4])
    expect(await ids({ componentId: 'odd' })).toEqual([3, 1])
    expect(await ids({ userId: 'somebody else' })).toEqual([])
  })

  test('pages, with the total of all pages, also past the end', async () => {
    const page = (page: number) => listSessions(db, { userId: USER, limit: 2, page })
    const pages = await Promise.all([1, 2, 3, 4, 0].map(page))
    expect(pages.map(({ sessions }) => sessions.length)).toEqual([2, 2, 1, 0, 2])
    expect(pages.map(({ total }) => total)).toEqual([5, 5, 5, 5, 5])
    expect(pages[4]!.sessions).toEqual(pages[0]!.sessions)
  })

  test('finds a part of the name in any case; a default name counts where there is no other', async () => {
    expect(await ids({ name: 'APPLE' })).toEqual([1])
    expect(await ids({ name: 'default name' })).toEqual([3])
    expect(await ids({ name: 'élan' })).toEqual([4])
  })

  test('takes wildcards and backslashes of a name as they are', async () => {
    expect(await ids({ name: '%' })).toEqual([2])
    expect(await ids({ name: '_' })).toEqual([2])
    expect(await ids({ name: '\\' })).toEqual([])
  })

  test('sorts by the name that is shown', async () => {
    expect((await ids({ sortBy: 'session_name', sortOrder: 'asc' })).indexOf(3)).toBeGreaterThan(0)
  })
})

describe('hostile text', () => {
  const HOSTILE = [
    `'; drop table agentos_sessions; --`,
    `" or 1=1 --`,
    `\\'; drop table agentos_runs; --`,
    '$1',
    '{"a"}',
    `a"b\\c,d{e}`,
    'NULL',
    '',
    `\0`,
    `%'%`,
    '\u202e\ud83d',
  ]

  test.each(HOSTILE)('%j is an id and a name like any other', async (text) => {
    const run = newRun({
      sessionId: `hostile ${text}`,
      runId: `run ${text}`,
      userId: text,
      defaultName: text,
      leaseOwner: text,
    })
    await createRun(db, run)
    await finishRun(db, runEnd(run, { statePatch: { set: { [text]: text }, unset: [`${text} not there`] } }))
    const found = await findSession(db, run.sessionId, { userId: text })
    expect(Object.keys(found!.sessionState)).toHaveLength(1)
    await updateSession(db, run.sessionId, { sessionName: text, metadata: { [text]: text } })
    const listed = await listSessions(db, { ...FIRST_PAGE, name: text, userId: text })
    expect(listed.total).toBe(1)
    expect(await deleteSessions(db, [text, run.sessionId])).toBe(1)
    const { rows } = await sql<{ tables: number }>`
      select count(*) as tables from pg_tables where tablename in ('agentos_sessions', 'agentos_runs')`.execute(db)
    expect(rows).toEqual([{ tables: 2 }])
  })
})
