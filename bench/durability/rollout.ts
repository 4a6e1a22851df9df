/**
 * Three replicas under streams are replaced one after another, then runs are cancelled from replicas that do not run them:
 * what clients notice.
 * @module
 */
import { account, doubledEffects } from '../../e2e/account.ts'
import { until } from '../../e2e/condition.ts'
import { type Fleet, startFleet } from '../../e2e/fleet.ts'
import { cancelRun } from '../../e2e/run-requests.ts'
import { fake } from '../../e2e/script.ts'
import { postRun } from '../../e2e/stream.ts'
import { createTranscript } from '../../e2e/transcript.ts'
import { sized } from '../options.ts'
import { type Figure, quantile } from '../report.ts'
import type { Scenario, Surroundings } from '../scenario.ts'
import { plainAgents, slowAgent } from './agents.ts'
import { DEFAULTS, fleetDatabase } from './fleet.ts'
import { type Heard, listen } from './listener.ts'

const REPLICAS = 3
const RATE = 20
const TOOL_MS = 150
/** Until the first byte of each answer of the model. */
const FIRST_MS = 250
const STEP_MS = FIRST_MS + TOOL_MS
/** Ends by itself within a drain, except within that of `--quick`. */
const SHORT_MS = 3_000
/** Longer than a drain: what is still running then must be given away. */
const OVER_DRAIN = 1.5
const TIMEOUT_MS = 180_000

export const rollout: Scenario = async (surroundings) => {
  const drainMs = sized(surroundings.size, { quick: 2_000, short: 8_000, full: 25_000 })
  await using fleet = await startFleet({
    replicas: REPLICAS,
    database: fleetDatabase(await surroundings.database()),
    agents: { ...slowAgent(TOOL_MS), ...plainAgents(['plain']) },
    env: { ...DEFAULTS, AGENTOS_DRAIN_TIMEOUT_MS: String(drainMs) },
  })
  return [...(await rollOut(fleet, drainMs, surroundings)), ...(await cancelAcross(fleet, surroundings))]
}

async function rollOut(fleet: Fleet, drainMs: number, { size, say }: Surroundings): Promise<Figure[]> {
  const streams = sized(size, { quick: 15, short: 50, full: 50 })
  say(`${REPLICAS} replicas, ${streams} streams, a drain of ${drainMs / 1000} s each`)
  let rolling = true
  let turn = 0
  const anyReplica = () => {
    const replicas = fleet.running()
    return replicas[turn++ % replicas.length]?.url
  }
  const client = async (number: number): Promise<Heard[]> => {
    const heard: Heard[] = []
    while (rolling) {
      const key = `rollout-${number}-${heard.length}`
      const { agentId, message } = runOf(number, `${key}.`, drainMs)
      heard.push(await listen({ agentId, message, key, server: anyReplica, timeoutMs: TIMEOUT_MS }).done)
    }
    return heard
  }
  const clients = Array.from({ length: streams }, (_, number) => client(number))
  const stops: number[] = []
  let badExits = 0
  for (let index = 0; index < REPLICAS; index++) {
    // Enough for all clients to be in the middle of a run.
    await until('runs to be under way', async () => (await fleet.provider.stats()).open >= streams / 4, 30_000)
    const stoppedAt = performance.now()
    const exit = await fleet.stop(index)
    stops.push(performance.now() - stoppedAt)
    if (exit !== 0) badExits++
    await fleet.start(index)
    say(`replica ${index} stopped in ${((stops.at(-1) ?? 0) / 1000).toFixed(1)} s`)
  }
  rolling = false
  const heard = (await Promise.all(clients)).flat()

  const accepted = heard.flatMap(({ transcript }) => transcript.run() ?? [])
  const { count, faults } = await account(() => fleet.running()[0]?.url, accepted)
  for (const fault of faults) say(fault)
  const doubled = doubledEffects(await fleet.effects.list())
  for (const effect of doubled) say(`doubled: ${effect}`)
  const resumed = heard.filter(({ joins }) => joins > 0)
  const of = `of ${heard.length} streams`
  const less = (what: string, unit: string, value: number): Figure => ({
    name: `rollout ${what}`,
    unit,
    value,
    better: 'less',
  })
  return [
    less('broken streams', of, heard.filter(({ ended }) => !ended).length),
    less('lost runs', `of ${accepted.length} runs`, accepted.length - count.COMPLETED + faults.length),
    less('doubled effects', '', doubled.length),
    less('streams out of order', of, heard.filter(({ transcript }) => transcript.disorder.length > 0).length),
    less('streams resumed', of, resumed.length),
    less(
      'resumes',
      '',
      heard.reduce((sum, { joins }) => sum + joins, 0),
    ),
    less('answers begun again', of, heard.filter(({ transcript }) => transcript.recoveries() > 0).length),
    less('silence of resumed streams p50', 's', quantile(resumed.map(longestSilence), 0.5) / 1000),
    less('silence of resumed streams max', 's', Math.max(0, ...resumed.map(longestSilence)) / 1000),
    less('exits that are not 0', `of ${REPLICAS}`, badExits),
    less('SIGTERM to exit max over drain', 'x', Math.max(...stops) / drainMs),
  ]
}

/** Of five streams three end within a drain, one has steps to stop between, and one is a single long answer. */
function runOf(number: number, id: string, drainMs: number): { agentId: string; message: string } {
  const longMs = drainMs * OVER_DRAIN
  const kind = number % 5
  if (kind === 3) {
    const calls = Math.ceil(longMs / STEP_MS)
    const script = { id, tool: 'once', calls, args: { id: `${id}$call` }, first: FIRST_MS, tokens: 10, rate: RATE }
    return { agentId: 'slow', message: fake(script) }
  }
  const tokens = Math.ceil(((kind === 4 ? longMs : SHORT_MS) * RATE) / 1000)
  return { agentId: 'plain', message: fake({ id, tokens, rate: RATE }) }
}

function longestSilence({ arrivals }: Heard): number {
  return Math.max(0, ...arrivals.map(({ at }, index) => at - (arrivals[index - 1]?.at ?? at)))
}

async function cancelAcross(fleet: Fleet, { size, say }: Surroundings): Promise<Figure[]> {
  const cancels = sized(size, { quick: 5, short: 20, full: 50 })
  say(`${cancels} cancels at another replica, as many at the same one`)
  const [home, away] = [fleet.replica(0).url, fleet.replica(1).url]
  const across: number[] = []
  const atHome: number[] = []
  for (let cancel = 0; cancel < cancels; cancel++) {
    across.push(await cancelLatency(home, away))
    atHome.push(await cancelLatency(home, home))
  }
  const compare = (what: string, q: number): Figure => ({
    name: `rollout cancel at another replica ${what}`,
    unit: 'ms',
    value: quantile(across, q),
    limit: quantile(atHome, q),
    better: 'less',
  })
  return [compare('p50', 0.5), compare('max', 1)]
}

/** Milliseconds from the request at `away` until the stream from `home` says that the run was cancelled. */
async function cancelLatency(home: string, away: string): Promise<number> {
  const heard = createTranscript('plain')
  const response = await postRun(home, 'plain', { message: fake({ tokens: 1_000, rate: RATE }) })
  let cancelledAt = Number.NaN
  const reading = heard.read(response, ({ json }) => {
    if (json.event === 'RunCancelled') cancelledAt = performance.now()
  })
  await until('the first words', () => heard.text() !== '')
  const run = heard.run()
  if (run === undefined) throw new Error('a run with words must have begun')
  const askedAt = performance.now()
  await cancelRun(away, run)
  await reading
  return cancelledAt - askedAt
}
