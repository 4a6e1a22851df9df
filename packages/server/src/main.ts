/**
 * Composition root of the main thread: builds the parts of a server, starts them in order and stops them in the reverse
 * order, written once in {@link startServer}. Never imports agent code.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { sleep } from './base/backoff.ts'
import type { Clock } from './base/clock.ts'
import { createIds, type Ids } from './base/ids.ts'
import type { LearningRedact, Redact } from './base/redact.ts'
import type { Config } from './config/load.ts'
import { type Answers, createAnswers } from './main/answers.ts'
import { openStorage } from './main/database.ts'
import { encodeEvent } from './http/agno/events.ts'
import { createApp, createLoopbackApp } from './http/app.ts'
import { type Connections, watchConnections } from './http/connections.ts'
import type { AppDeps } from './http/deps.ts'
import { type Retention, startHousekeeping } from './main/housekeeping.ts'
import { answerMedia } from './main/media.ts'
import { openKnowledge } from './main/knowledge.ts'
import { openStore } from './main/knowledge-store.ts'
import { openLentModels } from './main/lent-models.ts'
import { openMemory, type ServerMemory } from './main/memory.ts'
import { createEndpoints } from './http/endpoint.ts'
import { ROUTES } from './http/routes/table.ts'
import { createUsageRefresh } from './http/usage-refresh.ts'
import type { Knowledge } from './knowledge/knowledge.ts'
import { createRegistry, type Registry } from './loader/registry.ts'
import { chooseDefaultModel } from './models/registry.ts'
import { countAttempts, observeParts, openMetrics, startOutputs } from './main/metrics.ts'
import { type Presence, startPresence } from './main/presence.ts'
import { createProfiles, type ServerProfiles } from './main/profiles.ts'
import { describeReadiness } from './main/readiness.ts'
import { createSchemaWait } from './main/schema-wait.ts'
import { checkToolInput } from './main/tool-input.ts'
import { openUploadDirectory, uploadLimits } from './main/uploads.ts'
import { openSchedules, type ServerSchedules } from './main/schedules.ts'
import { startUsage } from './main/usage.ts'
import { openTracing, type ServerTracing } from './main/tracing.ts'
import { createRuns, type Runs } from './runs/runs.ts'
import type { Database } from './storage/database.ts'
import { releaseAllRuns } from './storage/runs/runs.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { VERSION } from './config/version.ts'

export type ServerOptions = {
  readonly config: Config
  /** Folder of agents, or a link to one; absolute. */
  readonly agentsDirectory: string
  /** Directory that relative paths of the settings start from. */
  readonly workingDirectory: string
}

export type ServerDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly redact: Redact
  readonly learnSecret: LearningRedact['learn']
}

export type RunningServer = {
  /** Base URL, with the port that was taken. */
  readonly url: string
  readonly registry: Registry
  readonly database: Database['engine']
  readonly defaultModel: string
  /**
   * Stops in order: not ready, no new runs, what runs may finish until the drain deadline while clients leave, the rest
   * given to other replicas, streams closed, database closed. A second call ends the wait for runs and clients.
   */
  readonly stop: () => Promise<void>
}

/** How long a load balancer and a person at a terminal wait for the answer of the first reconcile before we listen. */
const FIRST_LOAD_MS = 5000
/** How long clients that keep connections have for one more answer, which tells them to close theirs. */
const LEAVE_MS = 2000
/** How long giving runs away may take; past it their leases run out, with the same effect. */
const LAST_WRITES_MS = 5000

/**
 * @throws {AgentOSError} DATABASE_UNREACHABLE, DATABASE_AUTH, DATA_DIR_LOCKED, SCHEMA_NEWER once the start has given up;
 *   SCHEMA_OLDER on the embedded database when migrations are only verified
 * @throws {Error} with code EADDRINUSE or EACCES when the address cannot be listened on
 */
export async function startServer(options: ServerOptions, deps: ServerDeps): Promise<RunningServer> {
  const { settings } = options.config
  const { clock, log, learnSecret } = deps
  const ids = createIds(clock)
  await using started = new AsyncDisposableStack()
  const replicaId = randomUUID()
  const dataDirectory = resolve(options.workingDirectory, settings.AGENTOS_DATA_DIR)

  const metrics = await openMetrics(options.config, { clock, replicaId, workingDirectory: options.workingDirectory })
  started.defer(metrics.close)
  // Loading the agents and opening the database do not need each other.
  const answers = createAnswers()
  const registry = openRegistry(options, { ...deps, metrics, answers }, dataDirectory)
  started.defer(registry.close)
  const firstLoad = registry.reload()
  const opening = { clock, ids, log, learnSecret }
  const awaitSchema = createSchemaWait(options.config, { ...deps, ids, registry })
  const database = await openStorage(options.config, { dataDirectory, ...opening }, awaitSchema)
  started.defer(database.close)
  const { store, close: closeStore } = await openStore(options.config, database, opening, awaitSchema)
  started.defer(closeStore)
  // What is RUNNING there was this machine's, and nobody else can have it open: nobody is waited for.
  if (database.engine === 'embedded') await releaseAllRuns(database.background)

  answers.add(answerMedia(database, ids, registry))
  const drain = { begun: false }
  const takesRuns = () => settings.AGENTOS_MAX_BACKGROUND_RUNS > 0 && !drain.begun
  const presence = startPresence({ database, registry, replicaId, log, takesRuns })
  started.defer(presence.close)
  const housekeeping = startHousekeeping(database, retentionOf(options.config), log)
  started.defer(housekeeping.close)
  started.defer(startUsage(database, { ids, log }).close)
  const onDropped = metrics.spansDropped
  const tracing = openTracing(options.config, { ...deps, database, replicaId, ids, onDropped })
  started.defer(tracing.close)
  const models = openLentModels(options.config, { ...deps, ids, defaultModel: defaultModelOf(options.config) })
  started.defer(models.close)
  const memory = openMemory(options.config, { ...deps, database, ids, models })
  started.defer(memory.close)
  answers.add(memory.answerers)
  const runs = openRuns(options.config, deps, { database, registry, replicaId, ids, metrics, tracing })
  started.defer(runs.close)
  observeParts(options.config, metrics, { database, runs, registry, replicaId, tracing })

  const uploads = await openUploadDirectory(dataDirectory, clock)
  started.defer(uploads.close)
  const uploadDirectory = uploads.path
  const { complete } = models
  const shares = { database, store, registry, replicaId, ids, metrics, dataDirectory, uploadDirectory, complete }
  const knowledge = await openKnowledge(options.config, { ...deps, ...shares })
  started.defer(knowledge.close)
  answers.add(knowledge.answerers)
  const profiles = createProfiles(registry, log)
  const schedules = openSchedules(options.config, { database, runs, ids, log, metrics, replicaId })
  const shared = { database, runs, registry, presence, replicaId, ids, metrics, tracing, profiles, drain }
  const parts: Parts = { ...shared, uploadDirectory, schedules, memory, knowledge }
  const appDeps = describeApp(options.config, deps, parts)
  const app = await createApp(appDeps)
  const connections = watchConnections(app.server)
  started.defer(() => app.close())
  started.defer(schedules.close)
  schedules.begin(app)
  const loopback = settings.AGENTOS_LOOPBACK_PORT === undefined ? undefined : await createLoopbackApp(appDeps)
  if (loopback !== undefined) started.defer(() => loopback.close())

  await Promise.race([firstLoad, new Promise((done) => setTimeout(done, FIRST_LOAD_MS).unref())])
  const url = await app.listen({ host: settings.AGENTOS_HOST, port: settings.AGENTOS_PORT })
  await loopback?.listen({ host: '127.0.0.1', port: settings.AGENTOS_LOOPBACK_PORT ?? 0 })
  started.use(await startOutputs(options.config, metrics, log))
  void tracing.selfTest()
  log.info('listening', { address: url, replica_id: replicaId, database: database.engine, version: VERSION })
  return {
    url,
    registry,
    database: database.engine,
    defaultModel: defaultModelOf(options.config),
    stop: createStop({ ...parts, connections }, started.move(), settings.AGENTOS_DRAIN_TIMEOUT_MS, log),
  }
}

type Parts = {
  readonly database: Database
  readonly runs: Runs
  readonly registry: Registry
  readonly presence: Presence
  readonly replicaId: string
  readonly ids: Ids
  readonly metrics: Metrics
  readonly tracing: ServerTracing
  readonly profiles: ServerProfiles
  /** Whether the server is stopping. */
  readonly drain: { begun: boolean }
  readonly uploadDirectory: string
  readonly schedules: ServerSchedules
  readonly memory: ServerMemory
  readonly knowledge: Knowledge
}

type StopParts = Parts & { readonly connections: Connections }

function createStop(parts: StopParts, started: AsyncDisposableStack, drainMs: number, log: Log): () => Promise<void> {
  const { runs, registry, profiles, schedules, connections, drain } = parts
  const hurry = Promise.withResolvers<void>()
  let stopping: Promise<void> | undefined
  const stop = async () => {
    drain.begun = true
    profiles.stop()
    registry.stopWatching()
    log.info('stopping', { runs: runs.running(), deadline_ms: drainMs })
    const leaving = connections.untilGone(Math.min(drainMs, LEAVE_MS))
    await Promise.race([Promise.all([runs.drain(drainMs), schedules.drain(drainMs), leaving]), hurry.promise])
    const givenAway = await giveRunsAway(runs, log)
    await started.disposeAsync()
    log.info('stopped', { runs_given_away: givenAway })
  }
  return () => {
    if (stopping === undefined) stopping = stop()
    else hurry.resolve()
    return stopping
  }
}

async function giveRunsAway(runs: Runs, log: Log): Promise<number> {
  const left = runs.running()
  const released = new AbortController()
  try {
    return await Promise.race([runs.release(), sleep(LAST_WRITES_MS, released.signal).then(() => left)])
  } catch (error) {
    log.warn('runs could not be given away; other replicas take them up when their leases run out', { error })
    return left
  } finally {
    released.abort()
  }
}

function openRuns(
  { settings }: Config,
  { clock, log }: ServerDeps,
  {
    database,
    registry,
    replicaId,
    ids,
    metrics,
    tracing,
  }: Pick<Parts, 'database' | 'registry' | 'replicaId' | 'ids' | 'metrics' | 'tracing'>,
): Runs {
  const graceSeconds = settings.AGENTOS_DISCONNECT_GRACE
  return createRuns(
    {
      replicaId,
      maxRuns: settings.AGENTOS_MAX_RUNS,
      maxBackgroundRuns: settings.AGENTOS_MAX_BACKGROUND_RUNS,
      maxQueueDepth: settings.AGENTOS_MAX_QUEUE_DEPTH,
      maxAttempts: settings.AGENTOS_MAX_ATTEMPTS,
      maxEventBytes: settings.AGENTOS_RUN_EVENT_BYTES,
      queuePollMs: settings.AGENTOS_QUEUE_POLL_MS,
      queueTimeoutMs: settings.AGENTOS_QUEUE_TIMEOUT_MS,
      leaseMs: settings.AGENTOS_LEASE_MS,
      runTimeoutMs: settings.AGENTOS_RUN_TIMEOUT_MS,
      disconnectGraceMs: graceSeconds < 0 ? undefined : graceSeconds * 1000,
    },
    {
      db: database.db,
      background: database.background,
      clock,
      ids,
      log,
      encode: encodeEvent,
      executor: () => currentExecutor(registry, metrics),
      onAttempt: (attempt) => {
        metrics.attemptEnded(attempt)
        tracing.record(attempt)
      },
      checkInput: (agentId, toolName, input) => checkToolInput(registry, agentId, toolName, input),
      hint: database.notifications.notify,
      onHint: database.notifications.onNotify,
    },
  )
}

function describeApp(config: Config, { clock, log, redact }: ServerDeps, parts: Parts): AppDeps {
  const { settings } = config
  const { database, runs, registry, presence, replicaId, ids, metrics, tracing, profiles, drain } = parts
  return {
    database,
    runs,
    registry,
    clock,
    ids,
    log,
    redact,
    metrics,
    tracing: tracing.isDistributed ? tracing : undefined,
    profiles,
    schedules: parts.schedules,
    memory: parts.memory,
    knowledge: parts.knowledge,
    endpoints: createEndpoints(ROUTES),
    usageRefresh: createUsageRefresh({ clock, log }),
    replicaId,
    version: VERSION,
    startedAt: new Date(clock.now()),
    settings: {
      osId: settings.AGENTOS_ID,
      name: settings.AGENTOS_NAME ?? null,
      description: settings.AGENTOS_DESCRIPTION ?? null,
      securityKey: settings.OS_SECURITY_KEY,
      corsOrigins: settings.AGENTOS_CORS_ORIGINS,
      docsEnabled: settings.DOCS_ENABLED,
      bodyLimitBytes: settings.AGENTOS_BODY_LIMIT_BYTES,
      uploadDirectory: parts.uploadDirectory,
      uploads: uploadLimits(settings),
      accessLog: settings.AGENTOS_ACCESS_LOG,
      heartbeatMs: settings.AGENTOS_HEARTBEAT_MS,
      maxBackgroundRuns: settings.AGENTOS_MAX_BACKGROUND_RUNS,
      streamBufferBytes: settings.AGENTOS_STREAM_BUFFER_BYTES,
      availableModels: [defaultModelOf(config)],
      readiness: () => describeReadiness(drain.begun, presence.databaseProblem(), registry),
      maxSchedules: settings.AGENTOS_MAX_SCHEDULES,
      requestReload: presence.requestReload,
      isStopping: () => drain.begun,
    },
  }
}

/**
 * The agents of a folder, as the server and `agentos check` load them.
 * @param dataDirectory holds snapshots and the compile cache
 */
export function openRegistry(
  options: Pick<ServerOptions, 'config' | 'agentsDirectory'>,
  {
    clock,
    log,
    metrics,
    answers,
  }: Pick<ServerDeps, 'clock' | 'log'> & { readonly metrics?: Metrics; readonly answers?: Answers },
  dataDirectory: string,
): Registry {
  const { settings, agentEnv } = options.config
  return createRegistry(
    {
      directory: options.agentsDirectory,
      workerEntry: new URL('worker.ts', import.meta.url),
      snapshotDirectory: join(dataDirectory, 'snapshots'),
      compileCache: join(dataDirectory, 'compile-cache'),
      policy: settings.AGENTOS_LOAD_POLICY,
      defaultModel: defaultModelOf(options.config),
      debounceMs: settings.AGENTOS_RELOAD_DEBOUNCE_MS,
      pollMs: settings.AGENTOS_RELOAD_POLL_MS,
      loadTimeoutMs: settings.AGENTOS_LOAD_TIMEOUT_MS,
      drainMs: settings.AGENTOS_GENERATION_DRAIN_MS,
      heapMb: settings.AGENTOS_WORKER_HEAP_MB,
      workerEnv: agentEnv,
      watch: settings.AGENTOS_WATCH,
      toolTimeoutMs: settings.AGENTOS_TOOL_TIMEOUT_MS,
      toolResultBytes: settings.AGENTOS_TOOL_RESULT_BYTES,
    },
    {
      clock,
      log,
      onLog: ({ level, message, fields, revision }) => log[level](message, { ...fields, revision }),
      answerAsk: answers?.answerAsk,
      onWorkerEnd: metrics?.workerEnded,
      onLoad: metrics?.revisionLoaded,
    },
  )
}

function retentionOf({ settings }: Config): Retention {
  return {
    eventDays: settings.AGENTOS_EVENT_RETENTION_DAYS,
    runDays: settings.AGENTOS_RUN_RETENTION_DAYS,
    traceDays: settings.AGENTOS_TRACE_RETENTION_DAYS,
    scheduleDays: settings.AGENTOS_SCHEDULE_RETENTION_DAYS,
    usageDays: settings.AGENTOS_USAGE_RETENTION_DAYS,
  }
}

function defaultModelOf({ settings, agentEnv }: Config): string {
  return settings.AGENTOS_DEFAULT_MODEL ?? chooseDefaultModel(agentEnv)
}

/** The serving generation as the runs see it. */
function currentExecutor(registry: Registry, metrics: Metrics) {
  const generation = registry.current()
  return generation && countAttempts(generation, metrics)
}
