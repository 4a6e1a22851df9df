/**
 * What the server tells about itself: home, health, readiness, info, config, models.
 * @module
 */
import { AGNO_VERSION, Config, Health, Home, Info, ModelEntry, Ready, type ReadyFile, Startup } from '@agentos/wire'
import { z } from 'zod'
import type { FileReport } from '../../base/runnable.ts'
import { DATABASE_ID, LEARNING_TABLE, listModels, MEMORY_TABLE, SESSION_TABLE, toAgentSummary } from '../agno/agent.ts'
import { KNOWLEDGE_TABLE } from '../agno/knowledge.ts'
import type { AppDeps } from '../deps.ts'
import { route } from '../route.ts'
import { listAgents } from '../stored-run.ts'

const tag = 'Server'
const open = { method: 'GET', scope: 'public', tag, errors: [] } as const
const DEFAULT_NAME = 'AgentOS'

export const home = route({
  ...open,
  path: '/',
  summary: 'What this server is and where to look next',
  response: Home,
  handle: ({ deps: { settings } }) => ({
    name: settings.name ?? DEFAULT_NAME,
    health: '/health',
    info: '/info',
    ...(settings.docsEnabled && { docs: '/docs' }),
  }),
})

export const health = route({
  ...open,
  path: '/health',
  summary: 'Whether the process answers, whatever its database does',
  response: Health,
  handle: ({ deps }) => ({ status: 'ok' as const, instantiated_at: deps.startedAt.toISOString() }),
})

export const ready = route({
  ...open,
  path: '/health/ready',
  summary: 'Whether this replica may be sent requests; 503 when not',
  response: Ready,
  handle({ deps, call }) {
    const state = describeReadiness(deps, call.caller.trusted)
    if (!state.ready) call.setStatus(503)
    return state
  },
})

export const startup = route({
  ...open,
  path: '/health/startup',
  summary: 'Whether the start is complete; 503 until then',
  response: Startup,
  handle({ deps, call }) {
    const started = deps.settings.readiness().startup
    if (!started) call.setStatus(503)
    return { started }
  },
})

export const info = route({
  ...open,
  path: '/info',
  summary: 'Identity, version and authentication mode',
  response: Info,
  handle: ({ deps, call }) => ({
    os_id: deps.settings.osId,
    name: deps.settings.name,
    os_version: deps.version,
    agno_version: AGNO_VERSION,
    agent_count: listAgents(deps).length,
    team_count: 0,
    workflow_count: 0,
    mcp: { enabled: false, path: null, oauth: null, tool_run_endpoint: false },
    auth_mode: call.auth.mode,
    user_isolation: false,
  }),
})

export const config = route({
  method: 'GET',
  path: '/config',
  scope: 'config:read',
  tag,
  summary: 'Agents, models and databases',
  response: Config,
  errors: [],
  handle: ({ deps }) => describeConfig(deps),
})

export const models = route({
  method: 'GET',
  path: '/models',
  scope: 'config:read',
  tag,
  summary: 'Every model in use',
  response: z.array(ModelEntry),
  errors: [],
  handle: ({ deps }) => listModels(listAgents(deps), deps.settings.availableModels),
})

/** What everybody may read of a part that is not ready; the reason itself may name hosts and quote code. */
const BRIEFLY: Readonly<Record<string, string>> = {
  database: 'the database does not answer',
  agents: 'no agents are loaded',
}

/** @param trusted shows the reasons in full, and what the files say, code frames included */
export function describeReadiness(
  deps: Pick<AppDeps, 'registry' | 'redact'> & { readonly settings: Pick<AppDeps['settings'], 'readiness'> },
  trusted: boolean,
): Ready {
  const { ready: isReady, reasons } = deps.settings.readiness()
  const status = deps.registry.status()
  const serves = status.loaded !== null
  const partial = serves && status.files.some(({ outcome }) => outcome === 'error')
  return {
    ready: isReady,
    reasons: Object.fromEntries(
      Object.entries(reasons).map(([part, why]) => [part, trusted ? deps.redact(why) : (BRIEFLY[part] ?? why)]),
    ),
    revision: status.loaded,
    desired: status.desired,
    degraded: serves && (partial || status.state === 'failed'),
    error: trusted ? status.error : status.error && 'Only shown to callers with the key',
    files: describeFiles(status.files, trusted),
  }
}

/** @param trusted shows details; they quote source code */
export function describeFiles(files: readonly FileReport[], trusted: boolean): z.infer<typeof ReadyFile>[] {
  return files.map(({ path, outcome, runnables, detail }) => ({
    path,
    outcome,
    runnables: [...runnables],
    detail: trusted ? detail : null,
  }))
}

function describeConfig(deps: AppDeps): Config {
  const { settings } = deps
  const agents = listAgents(deps)
  const quickPrompts = Object.fromEntries(
    agents.filter((agent) => agent.quickPrompts.length > 0).map((agent) => [agent.id, [...agent.quickPrompts]]),
  )
  const here = { db_id: DATABASE_ID, domain_config: { display_name: DATABASE_ID } }
  const nowhere = { dbs: [] }
  return {
    os_id: settings.osId,
    ...(settings.name !== null && { name: settings.name }),
    ...(settings.description !== null && { description: settings.description }),
    available_models: listModels(agents, settings.availableModels),
    os_database: DATABASE_ID,
    databases: [DATABASE_ID],
    ...(Object.keys(quickPrompts).length > 0 && { chat: { quick_prompts: quickPrompts } }),
    session: { dbs: [{ ...here, tables: [SESSION_TABLE] }] },
    metrics: nowhere,
    memory: { dbs: [{ ...here, tables: [MEMORY_TABLE] }] },
    learning: { dbs: [{ ...here, tables: [LEARNING_TABLE] }] },
    filesystem: { namespaces: [] },
    knowledge: {
      dbs: [{ ...here, tables: [KNOWLEDGE_TABLE] }],
      knowledge_instances: deps.knowledge.bases.all().map(({ id, name, description }) => ({
        id,
        name,
        ...(description !== null && { description }),
        db_id: DATABASE_ID,
        table: KNOWLEDGE_TABLE,
      })),
    },
    evals: nowhere,
    traces: { dbs: [here] },
    queue: { durable: true, queue_per_session: true },
    agents: agents.map(toAgentSummary),
    teams: [],
    workflows: [],
    interfaces: [],
    company: null,
  }
}
