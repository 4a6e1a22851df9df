/**
 * kill -9 of the replica that runs them, with the default settings: what becomes of the runs, and how long their streams
 * are silent. Plain answers, and steps with tools that must not run twice or only with the same key.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { account, doubledEffects } from '../../e2e/account.ts'
import { startFleet } from '../../e2e/fleet.ts'
import { fake } from '../../e2e/script.ts'
import { sized } from '../options.ts'
import { type Figure, quantile } from '../report.ts'
import type { Scenario } from '../scenario.ts'
import { plainAgents, slowAgent } from './agents.ts'
import { DEFAULTS, fleetDatabase } from './fleet.ts'
import { type Heard, listen } from './listener.ts'

/** Of ten runs that are killed together. */
const KINDS = [...Array(4).fill('plain'), ...Array(3).fill('keyed'), ...Array(3).fill('once')] as readonly string[]
const TOOL_MS = 250
/** From the start of the runs to the kill: spread over this range, in milliseconds; they take longer. */
const KILL_FROM_MS = 300
const KILL_TO_MS = 2_300
const TIMEOUT_MS = 60_000

export const recovery: Scenario = async ({ database, size, say }) => {
  const kills = sized(size, { quick: 2, short: 10, full: 30 })
  await using fleet = await startFleet({
    replicas: 2,
    database: fleetDatabase(await database()),
    agents: { ...slowAgent(TOOL_MS), ...plainAgents(['plain']) },
    env: DEFAULTS,
  })
  const heard: Heard[] = []
  const silences: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    const victim = kill % 2
    const survivor = fleet.replica(1 - victim).url
    const servers = [fleet.replica(victim).url]
    const round = KINDS.map((kind, number) =>
      listen({
        agentId: kind === 'plain' ? 'plain' : 'slow',
        message: runMessage(kind, `${kill}-${number}.`),
        key: `recovery-${kill}-${number}`,
        server: () => servers.at(-1),
        timeoutMs: TIMEOUT_MS,
      }),
    )
    await sleep(KILL_FROM_MS + ((KILL_TO_MS - KILL_FROM_MS) * kill) / Math.max(1, kills - 1))
    servers.push(survivor)
    const killedAt = performance.now()
    await fleet.kill(victim)
    const results = await Promise.all(round.map(({ done }) => done))
    heard.push(...results)
    const broken = results.flatMap((result) => silenceAfter(result, killedAt))
    silences.push(...broken)
    say(`kill ${kill + 1} of ${kills}: ${broken.length} streams broke, silent for up to ${seconds(broken)} s`)
    await fleet.start(victim)
  }

  const accepted = heard.flatMap(({ transcript }) => transcript.run() ?? [])
  const { count, faults } = await account(fleet.replica(0).url, accepted)
  for (const fault of faults) say(fault)
  const disorder = heard.filter(({ transcript }) => transcript.disorder.length > 0).length
  const lost = heard.length - count.COMPLETED - count.PAUSED
  const doubled = doubledEffects(await fleet.effects.list())
  for (const effect of doubled) say(`doubled: ${effect}`)
  const of = `of ${heard.length} runs`
  const less = (name: string, unit: string, value: number): Figure => ({ name, unit, value, better: 'less' })
  return [
    { name: 'recovery finished', unit: of, value: count.COMPLETED, better: 'more' },
    less('recovery paused as unknown', of, count.PAUSED),
    less('recovery lost', of, lost),
    less('recovery doubled effects', '', doubled.length),
    less('recovery faults of stored runs', '', faults.length),
    less('recovery streams without their end', of, heard.filter(({ ended }) => !ended).length),
    less('recovery streams out of order', of, disorder),
    { name: 'recovery streams resumed', unit: of, value: silences.length, better: 'more' },
    less('recovery kill to next event p50', 's', quantile(silences, 0.5) / 1000),
    less('recovery kill to next event max', 's', Math.max(...silences) / 1000),
  ]
}

/** About three seconds of a run; every call has an id of its own. */
function runMessage(kind: string, id: string): string {
  if (kind === 'plain') return fake({ id, tokens: 60, rate: 20 })
  return fake({ id, tool: kind, calls: 4, args: { id: `${id}$call` }, first: 250, tokens: 20, rate: 20 })
}

/** Milliseconds to the first event that came on another stream; none when the run had ended before. */
function silenceAfter({ arrivals }: Heard, killedAt: number): readonly number[] {
  const next = arrivals.find(({ stream }) => stream > 0)
  return next === undefined ? [] : [next.at - killedAt]
}

function seconds(times: readonly number[]): string {
  return times.length === 0 ? '0' : (Math.max(...times) / 1000).toFixed(1)
}
