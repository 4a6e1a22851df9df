/**
 * Schedules of a fleet: each tick once, whoever looks, whoever dies; and what a user does with them.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@agentos/wire/client'
import { describe, expect, test } from 'vitest'
import { until } from './condition.ts'
import { createDatabase, ENGINES, HAS_POSTGRES } from './database.ts'
import { startFleet } from './fleet.ts'
import { copyPreparedData } from './prepared-data.ts'
import { fake } from './script.ts'
import { startServer } from './server-process.ts'
import { createFolder } from './agents-folder.ts'
import { createTicks } from './ticks.ts'

const AGENT = {
  'helper.ts': `import { agent } from '@agentos/sdk'\nexport default agent({ model: 'demo:assistant' })\n`,
}

test.each(ENGINES)('a user makes a schedule, triggers it and reads what came out, on %s', async (engine) => {
  await using database = await createDatabase(engine)
  await using data = await copyPreparedData()
  await using folder = await createFolder(AGENT)
  await using server = await startServer({ dir: folder.path, env: database.env, dataDir: data.path })
  const { schedules, usage } = createClient({ baseUrl: server.url })
  const made = await schedules.create({
    name: 'every minute',
    cron_expr: '* * * * *',
    endpoint: '/agents/helper/runs',
    payload: { message: 'Hello', user_id: 'ada' },
    overlap_policy: 'allow',
  })
  expect(made.next_run_at ?? 0).toBeGreaterThan(Date.now() / 1000 - 2)
  const begun = await schedules.trigger(made.id)
  expect(begun).toMatchObject({ status: expect.stringMatching(/running|success/), run_id: expect.any(String) })
  const ended = await until('the run to end', async () => {
    const run = await schedules.run(made.id, begun.id)
    return run.status === 'success' && run
  })
  expect(ended).toMatchObject({ input: { input_content: 'Hello' }, output: { content: expect.any(String) } })
  const { metrics } = await usage.days({ user_id: 'ada' })
  expect(metrics[0]).toMatchObject({ users_count: 1, token_metrics: { total_tokens: expect.any(Number) } })
  expect(await schedules.disable(made.id)).toMatchObject({ enabled: false, next_run_at: null })
  await schedules.delete(made.id)
})

describe.skipIf(!HAS_POSTGRES)('a fleet with schedules that tick every second', () => {
  test('fires each tick once while replicas are killed and started', { timeout: 180_000 }, async () => {
    await using fleet = await startFleet({ replicas: 3 })
    const message = fake({ text: 'Done' })
    const ticks = await createTicks(fleet.replica(0).url, fleet.databaseUrl, {
      schedules: 10,
      agentId: 'worker',
      message,
    })
    const ticking = ticks.run(8)
    for (const victim of [1, 2]) {
      await sleep(2000)
      await fleet.kill(victim)
      await fleet.start(victim)
    }
    await ticking
    const count = await until(
      'all runs to end',
      async () => {
        const counted = await ticks.count()
        return counted.lost === 0 && counted.unfinished === 0 && counted
      },
      60_000,
    )
    expect(count).toMatchObject({ lost: 0, doubled: 0, runs: 0, unfinished: 0 })
    expect(count.set).toBeGreaterThan(40)
  })
})
