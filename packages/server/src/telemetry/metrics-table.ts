/**
 * Every metric of the server, once: its name, kind, unit, meaning and attributes. Instruments, the reference page and the
 * checks of alerts and dashboards are made from this table. Names are those of OpenTelemetry's semantic conventions where
 * these have one, else `agentos.*`.
 * @module
 */
import { KNOWLEDGE_ATTRIBUTES, KNOWLEDGE_METRICS } from './metrics-knowledge.ts'
import { MEMORY_METRICS } from './metrics-memory.ts'
import { SCHEDULE_METRICS } from './metrics-schedules.ts'

/** `updown` goes up and down by what happens; `gauge` and `total` are read when metrics are collected. */
export type MetricKind = 'counter' | 'histogram' | 'updown' | 'gauge' | 'total'

export type Metric = {
  readonly name: string
  readonly kind: MetricKind
  /** UCUM: `s`, `By`, or what is counted, in braces. */
  readonly unit: string
  readonly about: string
  readonly attributes: readonly AttributeName[]
  /** Upper bounds of the buckets of a histogram, in `unit`. */
  readonly buckets?: readonly number[]
}

export const ATTRIBUTES = {
  'gen_ai.agent.id': 'Id of the agent.',
  'gen_ai.operation.name': '`chat`.',
  'gen_ai.provider.name': 'Provider of the model, as in `provider:id`.',
  'gen_ai.request.model': 'Model, as in `provider:id`.',
  'gen_ai.token.type': '`input` or `output`.',
  'gen_ai.tool.name': 'Name of the tool.',
  'error.type': 'Code of the [error](errors.md), or the HTTP status; absent when there was none.',
  'http.request.method': 'Method; `_OTHER` when it is not one of HTTP.',
  'http.route': 'Route, with its parameters by name; absent for a path that is none.',
  'http.response.status_code': 'Status of the answer.',
  'url.scheme': '`http`.',
  'db.client.connection.pool.name': '`requests` or `background`.',
  'db.client.connection.state': '`used` or `idle`.',
  'cpu.mode': '`user` or `system`.',
  kind: 'Of tokens: `input`, `output`, and of these `cache_read`, `cache_write` and `reasoning`.',
  outcome: 'How it came out; the meaning of the metric lists the values.',
  revision: 'Revision of the agents folder.',
  state: '`serving`, `restarting`, `degraded` or `draining`.',
  sink: 'Where spans go.',
  ...KNOWLEDGE_ATTRIBUTES,
} as const satisfies Readonly<Record<string, string>>

export type AttributeName = keyof typeof ATTRIBUTES

const RUN_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600, 1800, 3600]
const TOKEN_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64]
const MODEL_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]
const TOOL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 60, 600]

const AGENT = 'gen_ai.agent.id'
const MODEL = ['gen_ai.provider.name', 'gen_ai.request.model'] as const

const RUN_METRICS = {
  runsStarted: {
    name: 'agentos.runs.started',
    kind: 'counter',
    unit: '{run}',
    about: 'Runs that began here: first attempts, not those that go on.',
    attributes: [AGENT],
  },
  runsEnded: {
    name: 'agentos.runs.ended',
    kind: 'counter',
    unit: '{run}',
    about: 'Runs that came to rest here. Outcomes: `completed`, `error`, `cancelled`, `paused`.',
    attributes: [AGENT, 'outcome', 'error.type'],
  },
  runsActive: {
    name: 'agentos.runs.active',
    kind: 'gauge',
    unit: '{run}',
    about: 'Runs that this replica works on.',
    attributes: [],
  },
  runsWaiting: {
    name: 'agentos.runs.waiting',
    kind: 'gauge',
    unit: '{run}',
    about: 'Runs of the whole fleet that wait for a replica. Every replica tells the same number.',
    attributes: [],
  },
  queueAge: {
    name: 'agentos.queue.age',
    kind: 'gauge',
    unit: 's',
    about: 'How long the run has waited that waits the longest; 0 when none does. The same on every replica.',
    attributes: [],
  },
  runDuration: {
    name: 'agentos.run.duration',
    kind: 'histogram',
    unit: 's',
    about: 'From the beginning of an attempt to the rest of its run. Outcomes as above.',
    attributes: [AGENT, 'outcome'],
    buckets: RUN_SECONDS,
  },
  firstToken: {
    name: 'agentos.run.time_to_first_token',
    kind: 'histogram',
    unit: 's',
    about: 'From the beginning of a run to the first token of its first model call.',
    attributes: [AGENT],
    buckets: TOKEN_SECONDS,
  },
  recoveries: {
    name: 'agentos.run.recoveries',
    kind: 'counter',
    unit: '{attempt}',
    about: 'Attempts that began here because the one before was interrupted, here or on a replica that is gone.',
    attributes: [AGENT],
  },
  handOvers: {
    name: 'agentos.run.hand_overs',
    kind: 'counter',
    unit: '{attempt}',
    about: 'Attempts that ended between two steps, so that another replica or revision goes on.',
    attributes: [AGENT],
  },
  attemptsLost: {
    name: 'agentos.run.attempts.lost',
    kind: 'counter',
    unit: '{attempt}',
    about: 'Attempts that broke off here: the worker ended, the lease was lost, or the end could not be stored.',
    attributes: [AGENT],
  },
  leaseAge: {
    name: 'agentos.lease.age',
    kind: 'gauge',
    unit: 's',
    about: 'Since the oldest lease of this replica was renewed; 0 when it has none. At AGENTOS_LEASE_MS it is lost.',
    attributes: [],
  },
  leaseOverdue: {
    name: 'agentos.lease.overdue',
    kind: 'gauge',
    unit: 's',
    about:
      'Since the lease ran out that ran out first and that nobody has taken up; 0 when none has. Of the whole fleet.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>

const MODEL_METRICS = {
  modelDuration: {
    name: 'gen_ai.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    about: 'Model calls, from the request to the end of the answer, with their retries.',
    attributes: ['gen_ai.operation.name', ...MODEL, 'error.type'],
    buckets: MODEL_SECONDS,
  },
  tokenUsage: {
    name: 'gen_ai.client.token.usage',
    kind: 'histogram',
    unit: '{token}',
    about: 'Tokens of one model call.',
    attributes: ['gen_ai.operation.name', ...MODEL, 'gen_ai.token.type'],
    buckets: TOKENS,
  },
  modelTokens: {
    name: 'agentos.model.tokens',
    kind: 'counter',
    unit: '{token}',
    about: 'Tokens by kind.',
    attributes: [...MODEL, 'kind'],
  },
  modelCost: {
    name: 'agentos.model.cost',
    kind: 'counter',
    unit: '{USD}',
    about: 'What the tokens cost, in US dollars, by the price table. A model without a price has no value.',
    attributes: [...MODEL, AGENT],
  },
  toolDuration: {
    name: 'agentos.tool.duration',
    kind: 'histogram',
    unit: 's',
    about: 'Tool calls. Outcomes: `ok`, `error`.',
    attributes: ['gen_ai.tool.name', 'outcome'],
    buckets: TOOL_SECONDS,
  },
} as const satisfies Readonly<Record<string, Metric>>

const HTTP_METRICS = {
  requestDuration: {
    name: 'http.server.request.duration',
    kind: 'histogram',
    unit: 's',
    about: 'Requests, to the end of their answer; that of a stream is the end of the stream.',
    attributes: ['http.request.method', 'http.route', 'http.response.status_code', 'url.scheme', 'error.type'],
    buckets: HTTP_SECONDS,
  },
  streamsOpen: {
    name: 'agentos.http.streams.open',
    kind: 'updown',
    unit: '{stream}',
    about: 'Event streams that are open.',
    attributes: [],
  },
  clientsCut: {
    name: 'agentos.http.clients.cut',
    kind: 'counter',
    unit: '{client}',
    about: 'Clients of event streams that were cut because they did not read.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, Metric>>

const SERVER_METRICS = {
  loads: {
    name: 'agentos.generation.loads',
    kind: 'counter',
    unit: '{load}',
    about: 'Revisions that were loaded. Outcomes: `swapped`, `failed`, `empty`.',
    attributes: ['outcome'],
  },
  generationInfo: {
    name: 'agentos.generation.info',
    kind: 'gauge',
    unit: '{generation}',
    about: '1 for each revision that serves or drains here.',
    attributes: ['revision', 'state'],
  },
  generationRuns: {
    name: 'agentos.generation.runs',
    kind: 'gauge',
    unit: '{run}',
    about: 'Runs on each revision.',
    attributes: ['revision', 'state'],
  },
  generationCredit: {
    name: 'agentos.generation.credit',
    kind: 'gauge',
    unit: '{event}',
    about:
      'Events that the worker of a revision may send before it has to wait, of 16384. Little is left while the main thread does not keep up. As the worker said within the last seconds.',
    attributes: ['revision', 'state'],
  },
  generationStale: {
    name: 'agentos.generation.stale',
    kind: 'gauge',
    unit: '{generation}',
    about: '1 while the revision that the folder names is not the one that serves; else 0.',
    attributes: [],
  },
  workerEnds: {
    name: 'agentos.worker.ends',
    kind: 'counter',
    unit: '{worker}',
    about: 'Workers that ended by themselves, or did not start again; each is started again.',
    attributes: [],
  },
  poolConnections: {
    name: 'db.client.connection.count',
    kind: 'gauge',
    unit: '{connection}',
    about: 'Database connections. None on the embedded database.',
    attributes: ['db.client.connection.pool.name', 'db.client.connection.state'],
  },
  poolMax: {
    name: 'db.client.connection.max',
    kind: 'gauge',
    unit: '{connection}',
    about: 'Most database connections.',
    attributes: ['db.client.connection.pool.name'],
  },
  poolPending: {
    name: 'db.client.connection.pending_requests',
    kind: 'gauge',
    unit: '{request}',
    about: 'Statements that wait for a database connection.',
    attributes: ['db.client.connection.pool.name'],
  },
  storageSize: {
    name: 'agentos.storage.size',
    kind: 'gauge',
    unit: 'By',
    about: 'Size of the database, with what is not ours in it. Looked at once a minute.',
    attributes: [],
  },
  loopDelayMedian: {
    name: 'nodejs.eventloop.delay.p50',
    kind: 'gauge',
    unit: 's',
    about: 'How late the event loop of the main thread was, median of the last 10 s.',
    attributes: [],
  },
  loopDelay: {
    name: 'nodejs.eventloop.delay.p99',
    kind: 'gauge',
    unit: 's',
    about: 'How late the event loop of the main thread was, 99th percentile of the last 10 s.',
    attributes: [],
  },
  loopDelayMax: {
    name: 'nodejs.eventloop.delay.max',
    kind: 'gauge',
    unit: 's',
    about: 'The latest it was within the last 10 s.',
    attributes: [],
  },
  memory: {
    name: 'process.memory.usage',
    kind: 'gauge',
    unit: 'By',
    about: 'Resident memory of the process, with its workers.',
    attributes: [],
  },
  cpuTime: {
    name: 'process.cpu.time',
    kind: 'total',
    unit: 's',
    about: 'CPU time of the process, with its workers.',
    attributes: ['cpu.mode'],
  },
  uptime: {
    name: 'process.uptime',
    kind: 'gauge',
    unit: 's',
    about: 'Since the process started.',
    attributes: [],
  },
  spansQueued: {
    name: 'agentos.spans.queued',
    kind: 'gauge',
    unit: '{span}',
    about: 'Spans that wait to be sent; at 20000 the oldest are dropped.',
    attributes: ['sink'],
  },
  spansDropped: {
    name: 'agentos.spans.dropped',
    kind: 'counter',
    unit: '{span}',
    about: 'Spans that were dropped, because a sink failed or did not keep up.',
    attributes: ['sink'],
  },
} as const satisfies Readonly<Record<string, Metric>>

/** By the part of the server that they tell of; the titles are those of the reference page. */
export const METRIC_GROUPS = {
  Runs: RUN_METRICS,
  'Models and tools': MODEL_METRICS,
  HTTP: HTTP_METRICS,
  Knowledge: KNOWLEDGE_METRICS,
  Memory: MEMORY_METRICS,
  Schedules: SCHEDULE_METRICS,
  Server: SERVER_METRICS,
} as const

export const METRICS = {
  ...RUN_METRICS,
  ...MODEL_METRICS,
  ...HTTP_METRICS,
  ...KNOWLEDGE_METRICS,
  ...MEMORY_METRICS,
  ...SCHEDULE_METRICS,
  ...SERVER_METRICS,
} as const

export type MetricKey = keyof typeof METRICS

/** Keys of the metrics of one kind. */
export type KeyOf<Kind extends MetricKind> = {
  [Key in MetricKey]: (typeof METRICS)[Key]['kind'] extends Kind ? Key : never
}[MetricKey]

/** Values of a metric's attributes; an absent one is left out. */
export type AttributesOf<Key extends MetricKey> = {
  readonly [Name in (typeof METRICS)[Key]['attributes'][number]]?: string | number | undefined
}

/** One value for one metric: added to a counter, recorded in a histogram. */
export type Measurement = {
  [Key in KeyOf<'counter' | 'histogram'>]: {
    readonly key: Key
    readonly value: number
    readonly attributes: AttributesOf<Key>
  }
}[KeyOf<'counter' | 'histogram'>]

const SUFFIXES: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' }

/**
 * The name in Prometheus, as the OpenTelemetry specification derives it ("Prometheus and OpenMetrics Compatibility"), so
 * that it is the same whether Prometheus or a collector has read it. A histogram has `_bucket`, `_sum` and `_count` on top.
 */
export function prometheusName({ name, unit, kind }: Pick<Metric, 'name' | 'unit' | 'kind'>): string {
  const base = name.replaceAll(/[^A-Za-z0-9_]/g, '_') + (SUFFIXES[unit] ?? '')
  return kind === 'counter' || kind === 'total' ? `${base}_total` : base
}
