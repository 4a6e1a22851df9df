/**
 * Replicas whose clocks are hours apart: only the database's clock decides about leases.
 * @module
 */
import { fileURLToPath } from 'node:url'
import { createClient } from '@agentos/wire/client'
import { describe, expect, test } from 'vitest'
import { until } from './condition.ts'
import { HAS_POSTGRES, runSql } from './database.ts'
import { LEASE_MS, startFleet } from './fleet.ts'
import { queueRun, waitForRest } from './run-requests.ts'
import { fake } from './script.ts'
import { postRun } from './stream.ts'
import { createTranscript, followToRest } from './transcript.ts'

const HOUR_MS = 3_600_000
const PRELOAD = fileURLToPath(new URL('./skewed-clock.ts', import.meta.url))

describe.skipIf(!HAS_POSTGRES)('replicas with wrong clocks', () => {
  test('take no run from one that lives, and take over from one that died', async () => {
    await using fleet = await startFleet({ replicas: 0 })
    const skew = (hours: number) => ({ NODE_OPTIONS: `--import=${PRELOAD}`, SKEW_MS: String(hours * HOUR_MS) })
    const early = await fleet.start(0, skew(-30))
    const late = await fleet.start(1, skew(30))
    const clients = [early, late].map(({ url }) => createClient({ baseUrl: url }))
    // The clocks are wrong indeed.
    const [past, future] = await Promise.all(clients.map((client) => client.run('worker', { message: fake({}) })))
    expect((future?.messages.at(-1)?.created_at ?? 0) - (past?.messages.at(-1)?.created_at ?? 0)).toBeGreaterThan(
      (59 * HOUR_MS) / 1_000,
    )

    // Outlasts several leases.
    const long = fake({ id: 'long', tokens: 20, rate: (20 * 1_000) / (3 * LEASE_MS) })
    const queued = await Promise.all(
      [early, late, early, late].map(({ url }) => queueRun(url, 'worker', { message: long })),
    )
    const heard = createTranscript('worker')
    const lost = fake({ id: 'lost', text: 'Never told to its end|Second try', fault: 'hang', times: 1 })
    const reading = heard.read(await postRun(late.url, 'worker', { message: lost }))
    for (const run of queued) expect(await waitForRest(early.url, run)).toMatchObject({ status: 'COMPLETED' })
    const attempts = await runSql(fleet.databaseUrl, 'select distinct attempt from agentos_runs')
    expect(attempts).toEqual([['1']])

    await until('the first words', () => heard.text() !== '')
    await fleet.kill(1)
    await reading
    const killedAt = performance.now()
    await followToRest(heard, () => early.url)
    expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + 4_000)
    expect({ text: heard.text(), disorder: heard.disorder }).toEqual({ text: 'Second try', disorder: [] })
  })
})
