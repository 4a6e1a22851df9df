/**
 * The metrics of this replica, as functions of what happens. Parts of the server get those functions and never the SDK.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Clock } from '../base/clock.ts'
import type { RunJob } from '../base/run.ts'
import { measureAttempt } from './metrics-attempt.ts'
import { type Collected, createInstruments } from './metrics-instruments.ts'
import { createDatabaseReport, type Readings, reportParts, watchVitals } from './metrics-readings.ts'
import type { CostOf } from './prices.ts'

export type { Collected } from './metrics-instruments.ts'
export type { Readings } from './metrics-readings.ts'

/** One answered request. */
export type RequestOutcome = {
  readonly method: string
  /** With parameters by name; undefined for a path that is no route. */
  readonly route: string | undefined
  /** Undefined when the client went away before there was one. */
  readonly status: number | undefined
  readonly seconds: number
}

/** `lateMs` is null for what has no tick. */
export type ScheduleMove =
  | { readonly type: 'begun'; readonly lateMs: number | null }
  | { readonly type: 'ended'; readonly status: string }
  | { readonly type: 'skipped'; readonly count: number }

/** One call to the provider of an embedder. */
export type EmbedderCall = {
  readonly embedder: string
  readonly purpose: string
  readonly texts: number
  readonly tokens: number
  readonly durationMs: number
  readonly ok: boolean
}

export type LoadOutcome = 'swapped' | 'failed' | 'empty'

export type Metrics = {
  /** An attempt was given to a generation. */
  readonly attemptStarted: (job: Pick<RunJob, 'agentId' | 'attempt' | 'interrupted'>) => void
  /** An attempt has left this replica, in whatever way. */
  readonly attemptEnded: (record: AttemptRecord) => void
  readonly requestEnded: (request: RequestOutcome) => void
  readonly streamOpened: () => void
  readonly streamClosed: () => void
  /** A client was cut because it did not read. */
  readonly clientCut: () => void
  /** A worker ended by itself. */
  readonly workerEnded: () => void
  readonly revisionLoaded: (outcome: LoadOutcome) => void
  /** Something has happened to runs of schedules. */
  readonly scheduleMoved: (moved: ScheduleMove) => void
  readonly spansDropped: (sink: string, count: number) => void
  /** A call to the provider of an embedder. */
  readonly embedderCalled: (call: EmbedderCall) => void
  /** An embedder that does not answer is left alone from now on, or not any more. */
  readonly embedderLeftAlone: (embedder: string, isLeftAlone: boolean) => void
  /** A document of knowledge has left this replica, in whatever way. */
  readonly documentRead: (read: { readonly outcome: string; readonly seconds: number }) => void
  readonly knowledgeSearched: (search: { readonly type: string; readonly seconds: number }) => void
  /** From now on the parts are asked when metrics are collected. To be called once. */
  readonly observe: (readings: Readings) => void
  readonly collect: () => Promise<Collected>
  /** Nothing is collected any more; what happens is ignored. */
  readonly close: () => Promise<void>
}

export type MetricsOptions = {
  /** Attributes of this process, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>
  readonly costOf: CostOf
  readonly clock: Clock
}

export function createMetrics({ resource, costOf, clock }: MetricsOptions): Metrics {
  const { add, record, measure, observe, collect, close } = createInstruments(resource)
  const vitals = watchVitals()
  observe(vitals.report)
  // An alert sees what a counter grows by: without its zero it would miss the first time.
  add('clientsCut', 0)
  add('workerEnds', 0)
  add('scheduleRuns', 0, { outcome: 'failed' })
  return {
    attemptStarted({ agentId, attempt, interrupted }) {
      const agent = { 'gen_ai.agent.id': agentId }
      if (interrupted) add('recoveries', 1, agent)
      else if (attempt === 1) add('runsStarted', 1, agent)
    },
    attemptEnded(attempt) {
      for (const measured of measureAttempt(attempt, costOf)) measure(measured)
    },
    requestEnded({ method, route, status, seconds }) {
      record('requestDuration', seconds, {
        'http.request.method': METHODS.has(method) ? method : '_OTHER',
        'http.route': route,
        'http.response.status_code': status,
        'url.scheme': 'http',
        'error.type': status !== undefined && status >= 500 ? String(status) : undefined,
      })
    },
    streamOpened: () => add('streamsOpen', 1),
    streamClosed: () => add('streamsOpen', -1),
    clientCut: () => add('clientsCut', 1),
    workerEnded: () => add('workerEnds', 1),
    revisionLoaded: (outcome) => add('loads', 1, { outcome }),
    scheduleMoved(moved) {
      if (moved.type === 'ended') add('scheduleRuns', 1, { outcome: moved.status })
      else if (moved.type === 'skipped') add('scheduleRuns', moved.count, { outcome: 'skipped' })
      else if (moved.lateMs !== null) record('scheduleLateness', moved.lateMs / 1000)
    },
    spansDropped: (sink, count) => add('spansDropped', count, { sink }),
    embedderCalled({ embedder, purpose, texts, tokens, durationMs, ok }) {
      const about = { embedder, purpose }
      record('embeddingDuration', durationMs / 1000, { ...about, outcome: ok ? 'completed' : 'error' })
      if (!ok) return
      add('embeddingTexts', texts, about)
      add('embeddingTokens', tokens, about)
    },
    embedderLeftAlone: (embedder, isLeftAlone) => add('embeddersAlone', isLeftAlone ? 1 : -1, { embedder }),
    documentRead: ({ outcome, seconds }) => record('documentDuration', seconds, { outcome }),
    knowledgeSearched: ({ type, seconds }) => record('searchDuration', seconds, { search_type: type }),
    observe(readings) {
      observe((report) => reportParts(readings, report))
      observe(createDatabaseReport(readings, clock))
    },
    collect,
    async close() {
      vitals.close()
      await close()
    },
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
