/**
 * Two servers on one database: it does not matter which one a request reaches.
 * @module
 */
import { createClient } from '@agentos/wire/client'
import { describe, expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { until } from './condition.ts'
import { createDatabase, HAS_POSTGRES } from './database.ts'
import { startProvider } from './provider-process.ts'
import { startServer } from './server-process.ts'
import { eventOf, type Frame, postRun, readFrames } from './stream.ts'

/** Two replicas of one folder, which they look at only when they are told to. */
async function startReplicas() {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider({ record: 10 }))
  const folder = stack.use(await createFolder({ 'worker.ts': agentSource('worker') }))
  const database = stack.use(await createDatabase('postgres'))
  const env = { ...provider.env, ...database.env, AGENTOS_WATCH: 'false' }
  const a = stack.use(await startServer({ dir: folder.path, env }))
  const b = stack.use(await startServer({ dir: folder.path, env }))
  const clients = { a: createClient({ baseUrl: a.url }), b: createClient({ baseUrl: b.url }) }
  const started = stack.move()
  return { provider, folder, a, b, clients, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

// The embedded database has one server; `npm test` reports a missing PostgreSQL as skipped.
describe.skipIf(!HAS_POSTGRES)('two replicas', () => {
  test('a session that one started goes on at the other, with its history', async () => {
    await using replicas = await startReplicas()
    const { clients, provider } = replicas
    const first = await clients.a.run('worker', { message: 'My name is Ada. [fake:text=Hello%20Ada]' })
    const { session_id } = first
    const second = await clients.b.run('worker', { message: 'And you?', session_id })
    expect([first.status, second.status]).toEqual(['COMPLETED', 'COMPLETED'])
    const body = (await provider.requests()).at(-1)?.body ?? ''
    const { messages } = JSON.parse(body) as { messages: readonly { role: string; content: string }[] }
    expect(messages).toEqual([
      expect.objectContaining({ role: 'user', content: expect.stringContaining('My name is Ada.') }),
      expect.objectContaining({ role: 'assistant', content: 'Hello Ada' }),
      expect.objectContaining({ role: 'user', content: 'And you?' }),
    ])
    const runs = await clients.a.sessions.runs(session_id)
    expect(runs.map(({ run_id }) => run_id)).toEqual([first.run_id, second.run_id])
  })

  test('a cancel at one stops the run of the other within two seconds', async () => {
    await using replicas = await startReplicas()
    const { clients, a, provider } = replicas
    const frames: Frame[] = []
    let cancelledAt: number | undefined
    const response = await postRun(a.url, 'worker', { message: '[fake:tokens=600,rate=20]' })
    for await (const frame of readFrames(response)) {
      frames.push(frame)
      if (frame.event !== 'RunContent' || cancelledAt !== undefined) continue
      cancelledAt = performance.now()
      await clients.b.cancelRun('worker', frame.json.run_id)
    }
    expect(performance.now() - (cancelledAt ?? 0)).toBeLessThan(2_500)
    expect(frames.slice(-2).map(({ event }) => event)).toEqual(['RunCancelled', 'RunCompleted'])
    const { run_id, session_id, content } = eventOf(frames, 'RunCancelled')
    expect(content).not.toBe('')
    expect(await clients.b.getRun('worker', run_id, session_id)).toMatchObject({ status: 'CANCELLED', content })
    await until('the model request to be given up', async () => (await provider.stats()).open === 0)
  })

  test('a reload asked of one reaches the other', async () => {
    await using replicas = await startReplicas()
    const { clients, folder } = replicas
    const before = await clients.b.ready()
    await folder.write({ 'second.ts': agentSource('second') })
    const { revision } = await clients.a.reload()
    expect(revision).not.toBe(before.revision)
    await until('the other replica to serve the revision', async () => {
      const ready = await clients.b.ready()
      return ready.revision === revision
    })
    expect((await clients.b.agents()).map(({ id }) => id)).toContain('second')
  })
})
