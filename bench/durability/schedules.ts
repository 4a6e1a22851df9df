/**
 * Schedules: four replicas, fifty schedules that tick every second, one replica killed on the way. How many ticks were
 * lost or fired twice, and how late they were taken up.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../e2e/condition.ts'
import { startFleet } from '../../e2e/fleet.ts'
import { createTicks } from '../../e2e/ticks.ts'
import { sized } from '../options.ts'
import { type Figure, quantile } from '../report.ts'
import type { Scenario } from '../scenario.ts'
import { plainAgents } from './agents.ts'
import { DEFAULTS, fleetDatabase } from './fleet.ts'

const REPLICAS = 4
const SCHEDULES = 50
const MESSAGE = 'Hello [fake:tokens=5]'
/** Longest that the last runs may take, and until the leases of the killed replica are over. */
const DONE_MS = 120_000

export const schedules: Scenario = async ({ database, size, say }) => {
  const seconds = sized(size, { quick: 6, short: 60, full: 300 })
  const url = await database()
  await using fleet = await startFleet({
    replicas: 1,
    database: fleetDatabase(url),
    agents: plainAgents(['plain']),
    env: DEFAULTS,
  })
  // One after the other: starting four at once takes a small machine too long.
  for (let replica = 1; replica < REPLICAS; replica++) await fleet.start(replica)
  const target = { schedules: SCHEDULES, agentId: 'plain', message: MESSAGE }
  const ticks = await createTicks(fleet.replica(0).url, url, target)
  say(`${REPLICAS} replicas, ${SCHEDULES} schedules, ${seconds} s`)
  const ticking = ticks.run(seconds)
  await sleep(seconds * 500)
  await fleet.kill(REPLICAS - 1)
  say('one replica was killed')
  await ticking
  const settled = async () => {
    const count = await ticks.count()
    return count.lost === 0 && count.unfinished === 0 && count
  }
  // What is lost is told below.
  await until('all runs to end', settled, DONE_MS).catch((error: unknown) => say(String(error)))
  const { set, lost, doubled, runs, unfinished, lateness } = await ticks.count()
  const of = `of ${set} ticks`
  const less = (name: string, unit: string, value: number): Figure => ({ name, unit, value, better: 'less' })
  return [
    { name: 'schedules ticks', unit: `in ${seconds} s`, value: set, better: 'more' },
    less('schedules lost', of, lost),
    less('schedules fired twice', of, doubled),
    less('schedules runs too many or too few', of, Math.abs(runs)),
    less('schedules not finished', of, unfinished),
    less('schedules late p50', 'ms', quantile(lateness, 0.5)),
    less('schedules late p99', 'ms', quantile(lateness, 0.99)),
  ]
}
