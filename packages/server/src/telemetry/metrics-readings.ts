/**
 * Metrics that are read when somebody collects them: what the parts of the server hold at the moment, what the database
 * tells of the fleet, and how the process does.
 * @module
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../base/clock.ts'
import type { Report } from './metrics-instruments.ts'

export type PoolReading = {
  readonly name: string
  readonly used: number
  readonly idle: number
  /** Statements that wait for a connection. */
  readonly waiting: number
  readonly max: number
}

export type GenerationsReading = {
  readonly desired: string | null
  readonly loaded: string | null
  readonly generations: readonly {
    readonly revision: string
    readonly state: string
    readonly activeRuns: number
    readonly credit: number
  }[]
}

export type FleetReading = {
  readonly waitingRuns: number
  /** All ages are milliseconds, and 0 where there is nothing. */
  readonly oldestWaitMs: number
  /** Of the oldest lease of this replica. */
  readonly leaseAgeMs: number
  /** Since the lease ran out that nobody has taken up, and that ran out first. */
  readonly leaseOverdueMs: number
}

export type SchedulesReading = {
  readonly enabled: number
  /** Of the tick that should have been taken up the longest ago, in milliseconds; 0 when none is late. */
  readonly lateMs: number
}

export type KnowledgeReading = { readonly status: string; readonly contents: number; readonly chunks: number }

/** What the parts of the server tell when they are asked. */
export type Readings = {
  readonly activeRuns: () => number
  readonly pools: () => readonly PoolReading[]
  readonly generations: () => GenerationsReading
  readonly spans: () => readonly { readonly sink: string; readonly spans: number }[]
  /** Asked at most every five seconds. */
  readonly fleet: () => Promise<FleetReading>
  /** Asked at most every five seconds. */
  readonly schedules: () => Promise<SchedulesReading>
  /** Contents of knowledge by status; asked at most once a minute. */
  readonly knowledge: () => Promise<readonly KnowledgeReading[]>
  /** Bytes; asked at most once a minute. */
  readonly storageSize: () => Promise<number>
}

const FLEET_TTL_MS = 5000
const STORAGE_TTL_MS = 60_000

export function reportParts({ activeRuns, pools, generations, spans }: Readings, report: Report): void {
  report('runsActive', activeRuns())
  const { desired, loaded, generations: living } = generations()
  report('generationStale', desired === null || desired === loaded ? 0 : 1)
  for (const { sink, spans: waiting } of spans()) report('spansQueued', waiting, { sink })
  for (const { revision, state, activeRuns: runs, credit } of living) {
    report('generationInfo', 1, { revision, state })
    report('generationRuns', runs, { revision, state })
    report('generationCredit', credit, { revision, state })
  }
  for (const { name, used, idle, waiting, max } of pools()) {
    const pool = { 'db.client.connection.pool.name': name }
    report('poolConnections', used, { ...pool, 'db.client.connection.state': 'used' })
    report('poolConnections', idle, { ...pool, 'db.client.connection.state': 'idle' })
    report('poolPending', waiting, pool)
    report('poolMax', max, pool)
  }
}

/** What the database knows. While it does not answer, these metrics have no value. */
export function createDatabaseReport(
  readings: Pick<Readings, 'fleet' | 'schedules' | 'knowledge' | 'storageSize'>,
  clock: Clock,
): (report: Report) => Promise<void> {
  const readFleet = keepFor(FLEET_TTL_MS, readings.fleet, clock)
  const readSchedules = keepFor(FLEET_TTL_MS, readings.schedules, clock)
  const readKnowledge = keepFor(STORAGE_TTL_MS, readings.knowledge, clock)
  const readSize = keepFor(STORAGE_TTL_MS, readings.storageSize, clock)
  return async (report) => {
    const [fleet, schedules, knowledge, size] = await Promise.all([
      readFleet(),
      readSchedules(),
      readKnowledge(),
      readSize(),
    ])
    if (fleet !== undefined) {
      report('runsWaiting', fleet.waitingRuns)
      report('queueAge', fleet.oldestWaitMs / 1000)
      report('leaseAge', fleet.leaseAgeMs / 1000)
      report('leaseOverdue', fleet.leaseOverdueMs / 1000)
    }
    if (knowledge !== undefined) {
      for (const { status, contents } of knowledge) report('contents', contents, { status })
      report(
        'chunks',
        knowledge.reduce((sum, { chunks }) => sum + chunks, 0),
      )
    }
    if (schedules !== undefined) {
      report('schedules', schedules.enabled)
      report('schedulesLate', schedules.lateMs / 1000)
    }
    if (size !== undefined) report('storageSize', size)
  }
}

/**
 * Reads at most once per `ttlMs` milliseconds, however many ask at once; a failure counts as a reading.
 * @returns undefined where the reading has failed
 */
export function keepFor<T>(ttlMs: number, read: () => Promise<T>, clock: Clock): () => Promise<T | undefined> {
  let kept: Promise<T | undefined> | undefined
  let readAt = -Infinity
  return () => {
    if (kept === undefined || clock.monotonic() - readAt >= ttlMs) {
      readAt = clock.monotonic()
      kept = read().catch(() => undefined)
    }
    return kept
  }
}

export type Vitals = { readonly report: (report: Report) => void; readonly close: () => void }

/** How often the event loop is looked at, and over how long its delay is told, in milliseconds. */
const LOOP_RESOLUTION_MS = 20
const LOOP_WINDOW_MS = 10_000
const NANOSECONDS = 1e9
const MICROSECONDS = 1e6

/** Watches the process. Its timers keep nothing alive. */
export function watchVitals(): Vitals {
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delay.enable()
  let last: { readonly p50: number; readonly p99: number; readonly max: number } | undefined
  const read = () => ({ p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) })
  const window = setInterval(() => {
    last = read()
    delay.reset()
  }, LOOP_WINDOW_MS)
  window.unref()
  return {
    report(report) {
      const { p50, p99, max } = last ?? read()
      report('loopDelayMedian', p50)
      report('loopDelay', p99)
      report('loopDelayMax', max)
      report('memory', process.memoryUsage.rss())
      const { user, system } = process.cpuUsage()
      report('cpuTime', user / MICROSECONDS, { 'cpu.mode': 'user' })
      report('cpuTime', system / MICROSECONDS, { 'cpu.mode': 'system' })
      report('uptime', process.uptime())
    },
    close() {
      clearInterval(window)
      delay.disable()
    },
  }
}

/** Seconds beyond the look that was meant; before the first look there is nothing to tell. */
function late(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS - LOOP_RESOLUTION_MS / 1000) : 0
}
