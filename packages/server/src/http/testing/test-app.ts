/**
 * An API server for tests: fake runs, a fixed revision, any database.
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { tmpdir } from 'node:os'
import { systemClock } from '../../base/clock.ts'
import { AgentOSError } from '../../base/errors.ts'
import { createIds } from '../../base/ids.ts'
import { createRedact } from '../../base/redact.ts'
import type { AgentInfo, FileReport } from '../../base/runnable.ts'
import type { LoadStatus, Registry } from '../../loader/registry.ts'
import type { Runs } from '../../runs/runs.ts'
import type { Database } from '../../storage/database.ts'
import { createLog } from '../../telemetry/log.ts'
import { AGNO_ORIGINS } from '../../base/agno-origins.ts'
import { agentInfo } from '../../base/testing/agent-info.ts'
import { DEFAULT_BASE } from '../../knowledge/bases.ts'
import { type AppDeps, createApp, type HttpSettings } from '../app.ts'
import { createEndpoints } from '../endpoint.ts'
import { createUsageRefresh } from '../usage-refresh.ts'
import { ROUTES } from '../routes/table.ts'
import { createFakeRuns, type FakeRuns, MODEL } from './fake-runs.ts'

export const ASSISTANT = agentInfo({
  description: 'Helps.',
  model: MODEL,
  instructions: 'Be kind.',
  markdown: true,
  tools: [
    {
      name: 'get_weather',
      description: 'Weather of a city.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      effect: 'read',
    },
  ],
  quickPrompts: ['What is new?'],
  metadata: { team: 'x' },
})

const UPLOADS = { fileBytes: 1024 * 1024, totalBytes: 2 * 1024 * 1024, count: 4 }

export const SECRET = 'sk-very-secret-key-0123456789'

export type TestApp = {
  readonly app: FastifyInstance
  readonly runs: FakeRuns
  readonly deps: AppDeps
  /** Lines of the log, parsed. */
  readonly logged: Record<string, unknown>[]
  readonly reloads: () => { readonly here: number; readonly everywhere: number }
  /** Listens on a free port of the loopback address. */
  readonly listen: () => Promise<string>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export type TestAppOptions = {
  readonly settings?: Partial<HttpSettings>
  readonly database?: Database
  /** Instead of fake ones, which are then not used. */
  readonly runs?: Runs
  readonly agents?: readonly AgentInfo[]
  readonly files?: readonly FileReport[]
  readonly status?: Partial<LoadStatus>
  readonly metrics?: AppDeps['metrics']
  readonly profiles?: AppDeps['profiles']
  /** Without it, its routes fail. */
  readonly knowledge?: AppDeps['knowledge']
  readonly schedules?: AppDeps['schedules']
  readonly memory?: AppDeps['memory']
}

export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const agents = options.agents ?? [ASSISTANT]
  const logged: Record<string, unknown>[] = []
  const redact = createRedact([SECRET])
  const write = (line: string) => void logged.push(JSON.parse(line))
  const reloads = { here: 0, everywhere: 0 }
  const runs = createFakeRuns(agents)
  const log = createLog({ level: 'debug', format: 'json', redact, write })
  const deps: AppDeps = {
    database: options.database ?? noDatabase(),
    runs: options.runs ?? runs,
    registry: createFakeRegistry(agents, options, () => reloads.here++),
    clock: systemClock,
    ids: createIds(systemClock),
    log,
    redact,
    metrics: options.metrics,
    profiles: options.profiles ?? { take: async (_, { kind }) => new TextEncoder().encode(EMPTY_PROFILES[kind]) },
    schedules: options.schedules ?? {
      trigger: () => Promise.reject(new AgentOSError('SCHEDULE_NOT_FOUND', 'Schedule not found')),
    },
    memory: options.memory ?? { limit: 1000, join: async (memories) => memories.join(' ') },
    endpoints: createEndpoints(ROUTES),
    usageRefresh: createUsageRefresh({ clock: systemClock, log }),
    knowledge: options.knowledge ?? NO_KNOWLEDGE,
    replicaId: 'replica-1',
    version: '0.1.0',
    startedAt: new Date('2026-11-23T04:51:47.522Z'),
    settings: {
      osId: 'os-1',
      name: 'Test OS',
      description: null,
      securityKey: undefined,
      corsOrigins: AGNO_ORIGINS,
      docsEnabled: false,
      bodyLimitBytes: 1024 * 1024,
      uploadDirectory: tmpdir(),
      uploads: { knowledge: UPLOADS, media: UPLOADS },
      accessLog: 'on',
      maxBackgroundRuns: 50,
      heartbeatMs: 15_000,
      streamBufferBytes: 1024 * 1024,
      availableModels: ['openai:gpt-5-mini'],
      maxSchedules: 100,
      requestReload: async () => void reloads.everywhere++,
      isStopping: () => false,
      readiness: () => ({ ready: true, startup: true, reasons: {} }),
      ...options.settings,
    },
  }
  const app = await createApp(deps)
  return {
    app,
    runs,
    deps,
    logged,
    reloads: () => reloads,
    listen: () => app.listen({ host: '127.0.0.1', port: 0 }),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

async function noKnowledge(): Promise<never> {
  throw new TypeError('this test has no knowledge')
}

/** Nothing is known, and nothing can be asked. */
export const NO_KNOWLEDGE: AppDeps['knowledge'] = {
  bases: { all: () => [DEFAULT_BASE], find: () => DEFAULT_BASE },
  contents: {
    add: noKnowledge,
    get: noKnowledge,
    describe: noKnowledge,
    refresh: noKnowledge,
    remove: noKnowledge,
    removeAll: noKnowledge,
  },
  list: noKnowledge,
  search: noKnowledge,
  searchTypes: () => ['keyword'],
  whyNoVectors: () => 'no embedder is configured',
  whyNoAnswer: () => undefined,
  describe: async () => [],
  metadataKeys: noKnowledge,
  abilities: { readers: [], chunkers: [], readersForType: {}, hasModel: false },
  remotes: [],
  close: async () => {},
}

const FRAME = { functionName: '(root)', scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 }
const EMPTY_PROFILES = {
  cpu: JSON.stringify({ nodes: [{ id: 1, callFrame: FRAME }], startTime: 0, endTime: 1, samples: [], timeDeltas: [] }),
  heap: JSON.stringify({ head: { callFrame: FRAME, selfSize: 0, id: 1, children: [] }, samples: [] }),
}

function createFakeRegistry(agents: readonly AgentInfo[], options: TestAppOptions, onReload: () => void): Registry {
  const files = options.files ?? []
  const status: LoadStatus = {
    desired: 'rev-1',
    loaded: 'rev-1',
    loadedAt: 0,
    state: 'ready',
    error: null,
    files,
    generations: [],
    ...options.status,
  }
  return {
    current: () => ({
      revision: 'rev-1',
      directory: '/nowhere',
      manifest: { agents, files },
      start: () => {
        throw new TypeError('runs are fake here')
      },
      retain: () => () => {},
      activeRuns: () => 0,
      profile: () => Promise.reject(new TypeError('there is no worker here')),
    }),
    status: () => status,
    async reload() {
      onReload()
      return status
    },
    stopWatching: () => {},
    close: async () => {},
  }
}

/** For routes that need none: using it fails. */
function noDatabase(): Database {
  const use = () => {
    throw new TypeError('this test has no database')
  }
  return {
    engine: 'embedded',
    get db() {
      return use()
    },
    get background() {
      return use()
    },
    get maintenance() {
      return use()
    },
    aside: use,
    notifications: { notify: () => {}, onNotify: () => () => {} },
    pools: () => [],
    ping: use,
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}
