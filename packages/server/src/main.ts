/**
 * Composition root of the main thread: builds the parts of a server, starts them in order and stops them in the reverse
 * order, written once in {@link startServer}. Never imports agent code.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { Clock } from './base/clock.ts'
import { createIds } from './base/ids.ts'
import type { Redact } from './base/redact.ts'
import type { Config } from './config/load.ts'
import { openStorage } from './main/database.ts'
import { encodeEvent } from './http/agno-events.ts'
import { createApp, createLoopbackApp } from './http/app.ts'
import type { AppDeps } from './http/deps.ts'
import { startHousekeeping } from './main/housekeeping.ts'
import { createRegistry, type Registry } from './loader/registry.ts'
import { chooseDefaultModel } from './models/registry.ts'
import { startPresence } from './main/presence.ts'
import { describeReadiness } from './main/readiness.ts'
import { createRuns, type Executor } from './runs/runs.ts'
import type { Database } from './storage/database.ts'
import { requestReload } from './storage/replicas.ts'
import type { Log } from './telemetry/log.ts'
import { VERSION } from './config/version.ts'

export type ServerOptions = {
  readonly config: Config
  /** Folder of agents, or a link to one; absolute. */
  readonly agentsDirectory: string
  /** Directory that relative paths of the settings start from. */
  readonly workingDirectory: string
}

export type ServerDeps = { readonly clock: Clock; readonly log: Log; readonly redact: Redact }

export type RunningServer = {
  /** Base URL, with the port that was taken. */
  readonly url: string
  readonly registry: Registry
  readonly database: Database['engine']
  readonly defaultModel: string
  /**
   * Stops in order: not ready, no new runs, what runs may finish until the drain deadline, streams closed, database
   * closed. A second call ends the wait for runs.
   */
  readonly stop: () => Promise<void>
}

/** How long a load balancer and a person at a terminal wait for the answer of the first reconcile before we listen. */
const FIRST_LOAD_MS = 5000

/**
 * @throws {AgentOSError} DATABASE_UNREACHABLE, DATABASE_AUTH, DATA_DIR_LOCKED, SCHEMA_NEWER once the start has given up
 * @throws {Error} with code EADDRINUSE or EACCES when the address cannot be listened on
 */
export async function startServer(options: ServerOptions, deps: ServerDeps): Promise<RunningServer> {
  const { settings } = options.config
  const { clock, log } = deps
  await using started = new AsyncDisposableStack()
  const ids = createIds(clock)
  const replicaId = randomUUID()
  const dataDirectory = resolve(options.workingDirectory, settings.AGENTOS_DATA_DIR)
  const defaultModel = defaultModelOf(options.config)

  // Loading the agents and opening the database do not need each other.
  const registry = openRegistry(options, deps, dataDirectory)
  started.defer(registry.close)
  const firstLoad = registry.reload()
  const database = await openStorage(options.config, { dataDirectory, clock, log })
  started.defer(database.close)

  const presence = startPresence({ database, registry, replicaId, log })
  started.defer(presence.close)
  const runs = createRuns(
    {
      replicaId,
      maxRuns: settings.AGENTOS_MAX_RUNS,
      leaseMs: settings.AGENTOS_LEASE_MS,
      runTimeoutMs: settings.AGENTOS_RUN_TIMEOUT_MS,
      disconnectGraceMs: settings.AGENTOS_DISCONNECT_GRACE < 0 ? undefined : settings.AGENTOS_DISCONNECT_GRACE * 1000,
    },
    {
      db: database.db,
      background: database.background,
      clock,
      ids,
      log,
      encode: encodeEvent,
      executor: () => currentExecutor(registry),
    },
  )
  started.defer(runs.close)
  const housekeeping = startHousekeeping(database, settings.AGENTOS_EVENT_RETENTION_DAYS, log)
  started.defer(housekeeping.close)

  let draining = false
  const appDeps: AppDeps = {
    database,
    runs,
    registry,
    clock,
    ids,
    log,
    redact: deps.redact,
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
      heartbeatMs: settings.AGENTOS_HEARTBEAT_MS,
      streamBufferBytes: settings.AGENTOS_STREAM_BUFFER_BYTES,
      availableModels: [defaultModel],
      readiness: () => describeReadiness(draining, presence.databaseProblem(), registry),
      requestReload: async () => {
        await requestReload(database.db)
        await presence.beat()
      },
    },
  }
  const app = await createApp(appDeps)
  started.defer(() => app.close())
  const loopback = settings.AGENTOS_LOOPBACK_PORT === undefined ? undefined : await createLoopbackApp(appDeps)
  if (loopback !== undefined) started.defer(() => loopback.close())

  await Promise.race([firstLoad, new Promise((done) => setTimeout(done, FIRST_LOAD_MS).unref())])
  const url = await app.listen({ host: settings.AGENTOS_HOST, port: settings.AGENTOS_PORT })
  await loopback?.listen({ host: '127.0.0.1', port: settings.AGENTOS_LOOPBACK_PORT ?? 0 })
  log.info('listening', { address: url, replica_id: replicaId, database: database.engine, version: VERSION })

  const parts = started.move()
  let stopping: Promise<void> | undefined
  let hurry = () => {}
  const stop = async () => {
    draining = true
    registry.stopWatching()
    log.info('stopping', { runs: runs.running(), deadline_ms: settings.AGENTOS_DRAIN_TIMEOUT_MS })
    await Promise.race([
      runs.drain(settings.AGENTOS_DRAIN_TIMEOUT_MS),
      new Promise<void>((done) => {
        hurry = done
      }),
    ])
    await parts.disposeAsync()
    log.info('stopped', { runs_left: runs.running() })
  }
  return {
    url,
    registry,
    database: database.engine,
    defaultModel,
    stop: () => {
      if (stopping === undefined) stopping = stop()
      else hurry()
      return stopping
    },
  }
}

/**
 * The agents of a folder, as the server and `agentos check` load them.
 * @param dataDirectory holds snapshots and the compile cache
 */
export function openRegistry(
  options: Pick<ServerOptions, 'config' | 'agentsDirectory'>,
  { clock, log }: Pick<ServerDeps, 'clock' | 'log'>,
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
    { clock, log, onLog: ({ level, message, fields, revision }) => log[level](message, { ...fields, revision }) },
  )
}

function defaultModelOf({ settings, agentEnv }: Config): string {
  return settings.AGENTOS_DEFAULT_MODEL ?? chooseDefaultModel(agentEnv)
}

/** The serving generation as the runs see it. */
function currentExecutor(registry: Registry): Executor | undefined {
  const generation = registry.current()
  return (
    generation && {
      revision: generation.revision,
      agent: (id) => generation.manifest.agents.find((agent) => agent.id === id),
      start: generation.start,
      retain: generation.retain,
    }
  )
}
