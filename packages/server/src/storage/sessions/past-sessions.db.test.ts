import { afterAll, beforeAll, expect, test } from 'vitest'
import { finishRun } from '../runs/finish-run.ts'
import { readPastSession, searchPastSessions } from './past-sessions.ts'
import { createSession, updateSession } from './sessions.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun, runEnd, storeRun } from '../testing/new-run.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
  const { db } = database
  await say('trip', 'ada', 'Plan a trip to Bergen.', 'Take the train.')
  await say('trip', 'ada', 'And a hotel?', { hotel: 'The Grand' })
  await say('soup', 'ada', 'A recipe for soup?', `Boil 100% water. ${'Stir. '.repeat(100)}`)
  await updateSession(db, 'soup', { summary: { summary: 'Cooking, with Bergen fish.' } })
  await createSession(db, { sessionId: 'empty', sessionType: 'agent', userId: 'ada' })
  await say('secret', 'bob', 'Plan a trip to Bergen.', 'No.')
  const failed = newRun({ sessionId: 'soup', userId: 'ada', input: 'Lost words.' })
  await storeRun(db, failed)
  await finishRun(db, runEnd(failed, { status: 'ERROR', error: { code: 'INTERNAL', message: 'x' } }))
})
afterAll(() => database?.close())

async function say(sessionId: string, userId: string, input: string, content: string | { hotel: string }) {
  const run = newRun({ sessionId, userId, input, defaultName: input })
  await storeRun(database.db, run)
  await finishRun(database.db, runEnd(run, { content }))
}

const ADA = { userId: 'ada', sessionId: 'now' }
const ALL = { query: null, sessions: 20, runs: 3 }

test('lists the sessions of the user that have been answered, the newest first, by how they began', async () => {
  const found = await searchPastSessions(database.db, ADA, ALL)
  expect(found.map(({ sessionId }) => sessionId)).toEqual(['soup', 'trip'])
  expect(found[0]).toMatchObject({ name: 'A recipe for soup?', summary: 'Cooking, with Bergen fish.' })
  expect(found[0]?.runs[0]?.assistant).toMatch(/^Boil 100% water.*\.\.\.$/)
  expect(found[1]?.runs).toEqual([
    { user: 'Plan a trip to Bergen.', assistant: 'Take the train.' },
    { user: 'And a hotel?', assistant: '{"hotel": "The Grand"}' },
  ])
})

test('leaves out the session that asks, and keeps to the numbers', async () => {
  const found = await searchPastSessions(database.db, { userId: 'ada', sessionId: 'soup' }, { ...ALL, runs: 1 })
  expect(found).toMatchObject([{ sessionId: 'trip', runs: [{ user: 'Plan a trip to Bergen.' }] }])
  expect(await searchPastSessions(database.db, ADA, { ...ALL, sessions: 2 })).toMatchObject([{ sessionId: 'soup' }])
})

test('finds any of the words in what was said, in names and in summaries', async () => {
  const find = async (query: string) =>
    (await searchPastSessions(database.db, ADA, { ...ALL, query })).map(({ sessionId, runs }) => [
      sessionId,
      runs.length,
    ])
  expect(await find('HOTEL')).toEqual([['trip', 1]])
  expect(await find('bergen')).toEqual([
    ['soup', 1],
    // Its name has it, so all of it counts.
    ['trip', 2],
  ])
  expect(await find('100% nothing')).toEqual([['soup', 1]])
  expect(await find('lost')).toEqual([])
  expect(await find('%')).toEqual([['soup', 1]])
})

test('reads a conversation of the user, as far as it is asked for', async () => {
  const { db } = database
  expect(await readPastSession(db, 'ada', { sessionId: 'trip', runs: null })).toMatchObject({
    sessionId: 'trip',
    said: [
      { role: 'user', text: 'Plan a trip to Bergen.' },
      { role: 'assistant', text: 'Take the train.' },
      { role: 'user', text: 'And a hotel?' },
      { role: 'assistant', text: '{"hotel": "The Grand"}' },
    ],
  })
  expect((await readPastSession(db, 'ada', { sessionId: 'trip', runs: 1 }))?.said).toHaveLength(2)
  expect(await readPastSession(db, 'ada', { sessionId: 'empty', runs: null })).toMatchObject({ said: [] })
  expect(await readPastSession(db, 'ada', { sessionId: 'secret', runs: null })).toBeNull()
  expect(await readPastSession(db, 'ada', { sessionId: 'none', runs: null })).toBeNull()
})
