/**
 * What a server tells about itself: home, health, readiness, info, config, models, reloads.
 * @module
 */
import { z } from 'zod'
import { IsoTime, JsonObject } from './json.ts'

/** The release of Agno whose HTTP interface this is. */
export const AGNO_VERSION = '3.1.10'

export const Home = z.object({ name: z.string(), health: z.string(), info: z.string(), docs: z.string().optional() })
export type Home = z.infer<typeof Home>

export const Health = z.object({ status: z.literal('ok'), instantiated_at: IsoTime })
export type Health = z.infer<typeof Health>

export const ReadyFile = z.object({
  path: z.string(),
  outcome: z.enum(['loaded', 'skipped', 'error']),
  runnables: z.array(z.string()),
  detail: z.string().nullable().describe('Only for callers who may read the configuration.'),
})

export const Ready = z
  .object({
    ready: z.boolean(),
    reasons: z.record(z.string(), z.string()).describe('Why it is not ready, by part.'),
    revision: z.string().nullable().describe('The revision of the agents folder that serves.'),
    desired: z.string().nullable().describe('The revision that the folder names now.'),
    degraded: z.boolean().describe('An older revision serves, or a file of this one was left out.'),
    error: z.string().nullable(),
    files: z.array(ReadyFile),
  })
  .meta({ id: 'Ready' })
export type Ready = z.infer<typeof Ready>

export const Startup = z.object({ started: z.boolean() })
export type Startup = z.infer<typeof Startup>

export const Info = z.object({
  os_id: z.string(),
  name: z.string().nullable(),
  os_version: z.string(),
  agno_version: z.string().describe('The release of Agno whose interface this is.'),
  agent_count: z.int(),
  team_count: z.int(),
  workflow_count: z.int(),
  mcp: z.object({
    enabled: z.boolean(),
    path: z.string().nullable(),
    oauth: JsonObject.nullable(),
    tool_run_endpoint: z.boolean(),
  }),
  auth_mode: z.enum(['none', 'security_key', 'jwt']),
  user_isolation: z.boolean(),
})
export type Info = z.infer<typeof Info>

export const ModelEntry = z.object({ id: z.string(), provider: z.string() })
export type ModelEntry = z.infer<typeof ModelEntry>

const DatabaseEntry = z.object({
  db_id: z.string(),
  domain_config: z.object({ display_name: z.string() }),
  tables: z.array(z.string()).optional(),
})
const domain = z.object({ dbs: z.array(DatabaseEntry) })

export const AgentSummary = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().optional(),
  db_id: z.string(),
  model: ModelEntry,
  metadata: JsonObject.optional(),
  sandboxed: z.boolean(),
})

export const Config = z
  .object({
    os_id: z.string(),
    name: z.string().optional(),
    description: z.string().optional(),
    available_models: z.array(ModelEntry),
    os_database: z.string(),
    databases: z.array(z.string()),
    chat: z.object({ quick_prompts: z.record(z.string(), z.array(z.string())) }).optional(),
    session: domain,
    metrics: domain,
    memory: domain,
    learning: domain,
    filesystem: z.object({ namespaces: z.array(z.string()) }),
    knowledge: domain.extend({ knowledge_instances: z.array(JsonObject) }),
    evals: domain,
    traces: domain,
    queue: z.object({ durable: z.boolean(), queue_per_session: z.boolean() }),
    agents: z.array(AgentSummary),
    teams: z.array(JsonObject),
    workflows: z.array(JsonObject),
    interfaces: z.array(JsonObject),
    company: z.null(),
  })
  .meta({ id: 'Config' })
export type Config = z.infer<typeof Config>

export const Reload = z.object({
  state: z.string().describe('ready, failed, loading or empty.'),
  revision: z.string().nullable(),
  desired: z.string().nullable(),
  error: z.string().nullable(),
  files: z.array(ReadyFile),
})
export type Reload = z.infer<typeof Reload>
