/**
 * A disk that is full under the embedded database.
 * @module
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { agentSource, createFolder } from './agents-folder.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { readRun } from './run-requests.ts'
import { fake } from './script.ts'
import { startServer } from './server-process.ts'

const run = promisify(execFile)
/** Longest time in which a request has to be answered, be it with a refusal. */
const ANSWER_MS = 8_000

/** Without it no process can be told that its disk is full. */
const hasPrlimit = await run('prlimit', ['--version']).then(
  () => true,
  () => false,
)

test.skipIf(!hasPrlimit)('a full disk fails what cannot be stored; nothing that was acknowledged is lost', async () => {
  await using provider = await startProvider()
  await using folder = await createFolder({ 'worker.ts': agentSource('worker') })
  await using data = await copyPreparedData()
  const options = { dir: folder.path, dataDir: data.path, env: { ...provider.env, AGENTOS_LEASE_MS: '1000' } }
  const kept: string[] = []
  {
    await using server = await startServer(options)
    const client = createClient({ baseUrl: server.url })
    const before = await client.run('worker', { message: fake({ text: 'Kept' }), session_id: 'kept' })
    kept.push(before.run_id)

    // No file may grow any more: every write past its first KiB fails, as on a full disk.
    await run('prlimit', ['--pid', String(server.pid), '--fsize=1024:unlimited'])
    const answers = await Promise.allSettled(
      Array.from({ length: 5 }, () => {
        const input = { message: fake({ text: 'Lost?' }), session_id: 'kept' }
        return client.run('worker', input, { signal: AbortSignal.timeout(ANSWER_MS) })
      }),
    )
    kept.push(...answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.run_id : [])))
    const refusals: unknown[] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    expect(refusals.length).toBeGreaterThan(0)
    const refusal: unknown = expect.objectContaining({ status: 503, errorId: 'DATABASE_UNAVAILABLE' })
    expect(refusals).toEqual(refusals.map(() => refusal))
    expect(await client.health()).toMatchObject({ status: 'ok' })
    await run('prlimit', ['--pid', String(server.pid), '--fsize=unlimited:unlimited'])
    await server.stop()
  }
  await using server = await startServer(options)
  const client = createClient({ baseUrl: server.url })
  for (const runId of kept) {
    const accepted = { agentId: 'worker', runId, sessionId: 'kept' }
    expect(await readRun(server.url, accepted)).toMatchObject({ status: 'COMPLETED' })
  }
  expect(await client.run('worker', { message: fake({ text: 'Fine' }) })).toMatchObject({ content: 'Fine' })
})
