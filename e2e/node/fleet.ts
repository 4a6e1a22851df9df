/**
 * Three replicas behind a Service that do things to the world, under load while something happens to them: what clients
 * noticed, and what became of every run that was accepted.
 * @module
 */
import { expect } from 'vitest'
import { account } from '../account.ts'
import { agentSource, type Files } from '../agents-folder.ts'
import { workerSource } from '../swap-load.ts'
import { startEffectsHost } from './effects-host.ts'
import type { Figures } from './figures.ts'
import type { Pod, Values } from './kubectl.ts'
import { untilSeen, waitForService } from './pods.ts'
import { makeSecrets, openSite, settingsOf, type Site } from './site.ts'
import { CLIENTS, type Report, startTraffic } from './traffic.ts'

export const RELEASE = 'agentos'
export const REPLICAS = 3
/** A machine that does more than this may hold up a server for longer than the default; its runs would be taken for lost. */
const LEASE_MS = 15_000

export type Fleet = AsyncDisposable & {
  readonly site: Site
  /** Of the Service. */
  readonly url: string
  /** Revision that the fleet began with; the agent `worker` of it says `first`. */
  readonly first: string
  readonly files: (word: string) => Files
  readonly values: (more?: Values) => Values
  /** Runs traffic while something happens, and accounts for every run. */
  readonly under: (what: string, happen: () => Promise<void>) => Promise<Outcome>
  /** @returns once these very pods are there no more */
  readonly untilGone: (pods: readonly Pod[]) => Promise<void>
}

/** `lost`: runs that did not complete. */
export type Outcome = Report & { readonly lost: number }

/** Requests that the end of one pod cut off: connections that nobody used meanwhile are closed, maybe under a request. */
const MOST_CUT = 2

/**
 * @param ended pods that were told to stop meanwhile
 * @returns what clients noticed that they must not: streams that had to be joined again are all there is
 */
export function faultsOf(report: Outcome, ended: number): readonly string[] {
  const faults: string[] = []
  if (report.unfinished > 0) faults.push(`${report.unfinished} streams without an end`)
  if (report.lost > 0) faults.push(`${report.lost} runs not completed`)
  // A refusal closes its connection: nobody is refused more often than there are connections.
  if (report.mostRefusals > CLIENTS) faults.push(`one start refused ${report.mostRefusals} times`)
  const cut = [...report.failedReads, ...report.failedStarts]
  if (cut.length > MOST_CUT * ended) faults.push(`${cut.length} requests cut off`)
  return faults
}

/**
 * @param name of the site; no two may have the same
 * @param syncPeriod of git-sync
 */
export async function openFleet(name: string, { tell }: Figures, syncPeriod?: string): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  const effects = stack.use(await startEffectsHost())
  const site = stack.use(await openSite(name, syncPeriod))
  const server = { config: { ...settingsOf(site.provider), AGENTOS_LEASE_MS: String(LEASE_MS) } }
  const values = (more: Values = {}) => ({ ...site.values, server, replicaCount: REPLICAS, ...more })
  const files = (word: string): Files => ({
    'agents/worker.ts': workerSource(word),
    'agents/plain.ts': agentSource('plain', 'addHistoryToContext: false'),
    'agents/desk.ts': effects.deskSource,
  })
  const first = await site.push(files('first'))
  await makeSecrets(site)
  await site.namespace.helm('install', RELEASE, { values: values(), args: ['--wait', '--timeout', '300s'] })
  const url = await waitForService(site.namespace, RELEASE)
  const under = async (what: string, happen: () => Promise<void>) => {
    const traffic = startTraffic(url, what.replaceAll(' ', '-'))
    const started = performance.now()
    let report: Report
    try {
      await happen()
    } finally {
      report = await traffic.stop()
    }
    const { runs, count, faults } = await account(url, report.accepted)
    tell(`${what}: seconds`, (performance.now() - started) / 1000)
    tellReport(tell, what, report, count.COMPLETED)
    for (const { run_id: id, status, content, requirements } of runs.filter(isOpen).slice(0, 2))
      tell(`${what}: not completed`, `${id} ${status} ${JSON.stringify(requirements ?? content)}`.slice(0, 400))
    expect(faults).toEqual([])
    expect(report.disorder).toEqual([])
    expect(effects.doubled()).toEqual([])
    return { ...report, lost: report.accepted.length - count.COMPLETED }
  }
  const opened = stack.move()
  return {
    site,
    url,
    first,
    files,
    values,
    under,
    untilGone: (pods) => untilGone(site, pods),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const isOpen = ({ status }: { readonly status: string }) => status !== 'COMPLETED'

function tellReport(tell: Figures['tell'], what: string, report: Report, completed: number): void {
  const { accepted } = report
  tell(`${what}: reads sent / failed`, `${report.reads} / ${report.failedReads.length}`)
  tell(
    `${what}: starts sent / refused by a pod that stops / failed`,
    `${report.starts} / ${report.refusedStarts} / ${report.failedStarts.length}`,
  )
  tell(`${what}: refusals of one start, most`, report.mostRefusals)
  tell(`${what}: streams / unfinished / resumed`, `${report.streams} / ${report.unfinished} / ${report.resumed}`)
  const lost = accepted.length - completed
  tell(`${what}: runs accepted / completed / lost`, `${accepted.length} / ${completed} / ${lost}`)
  const samples = [...report.failedReads.slice(0, 2), ...report.failedStarts.slice(0, 2)]
  for (const sample of samples) tell(`${what}: a failure`, sample.slice(0, 200))
}

async function untilGone({ namespace }: Site, pods: readonly Pod[]): Promise<void> {
  const wanted = new Set(pods.map(({ metadata }) => metadata.uid))
  await untilSeen('the old pods to be gone', async () => {
    const there = await namespace.pods()
    return !there.some(({ metadata }) => wanted.has(metadata.uid))
  })
}
