/**
 * Every setting of the server: its variable, its shape, its default, what it means. The reference page is made from this
 * table, and a variable that is not in it is refused.
 * @module
 */
import { z } from 'zod'
import { AGNO_ORIGINS } from '../base/agno-origins.ts'
import type { SET_UP_SETTINGS } from './set-up-settings.ts'
import { flag, list, ms, secret, setting, type Setting, text } from './setting.ts'

export { SET_UP_SETTINGS } from './set-up-settings.ts'

export const SETTINGS = {
  AGENTOS_HOST: setting(
    'Listening',
    text().default('127.0.0.1'),
    'Address to listen on. Anything but a loopback address needs OS_SECURITY_KEY or AGENTOS_INSECURE=true.',
  ),
  AGENTOS_PORT: setting(
    'Listening',
    z.coerce.number().int().min(0).max(65_535).default(8000),
    'Port to listen on; 0 takes a free one.',
  ),
  AGENTOS_LOOPBACK_PORT: setting(
    'Listening',
    z.coerce.number().int().min(0).max(65_535).optional(),
    'Port on 127.0.0.1 for the git-sync webhook (POST /reload), without a key. Unset: not opened.',
  ),
  AGENTOS_INSECURE: setting('Listening', flag(false), 'Allow listening on the network without a key.'),
  OS_SECURITY_KEY: secret(
    'Listening',
    text().min(8).optional(),
    'Bearer key that every route but /, /health*, /info and /docs demands.',
  ),
  AGENTOS_CORS_ORIGINS: setting(
    'Listening',
    list().default([...AGNO_ORIGINS]),
    "Comma-separated origins that browsers may call from; replaces the defaults, which are Agno's own.",
  ),
  AGENTOS_BODY_LIMIT_BYTES: setting(
    'Listening',
    ms(1024, 1_073_741_824, 10_485_760),
    'Largest request body, in bytes.',
  ),
  DOCS_ENABLED: setting('Listening', flag(true), 'Serve /docs and /openapi.json.'),

  AGENTOS_AGENTS_DIR: setting(
    'Agents',
    text().optional(),
    'Folder of agents, or a link to one, when the command line names none.',
  ),
  AGENTOS_DEFAULT_MODEL: setting(
    'Agents',
    z
      .string()
      .regex(/^[a-z-]+:.+$/, 'must be provider:id')
      .optional(),
    'Model of agents that name none, as provider:id. Unset: chosen by the provider keys that are set, else demo:assistant.',
  ),
  AGENTOS_LOAD_POLICY: setting(
    'Agents',
    z.enum(['strict', 'partial']).default('strict'),
    'strict: one bad file rejects a revision. partial: the good files serve.',
  ),
  AGENTOS_WATCH: setting('Agents', flag(true), 'Follow changes of the folder or its link.'),
  AGENTOS_RELOAD_DEBOUNCE_MS: setting(
    'Agents',
    ms(0, 60_000, 2000),
    'Quiet time after a change before it loads, in milliseconds.',
  ),
  AGENTOS_RELOAD_POLL_MS: setting(
    'Agents',
    ms(100, 600_000, 2000),
    'How often the folder is compared with what serves, in milliseconds, whatever the watcher says.',
  ),
  AGENTOS_LOAD_TIMEOUT_MS: setting(
    'Agents',
    ms(100, 600_000, 30_000),
    'Longest time a revision may take to load, in milliseconds.',
  ),
  AGENTOS_GENERATION_DRAIN_MS: setting(
    'Agents',
    ms(0, 86_400_000, 3_600_000),
    'How long runs of a replaced revision may go on, in milliseconds.',
  ),
  AGENTOS_WORKER_HEAP_MB: setting('Agents', ms(64, 65_536, 1024), "JavaScript heap of a revision's worker, in MiB."),
  AGENTOS_TOOL_TIMEOUT_MS: setting(
    'Agents',
    ms(1, 86_400_000, 120_000),
    'Longest tool call, in milliseconds, when the tool sets none.',
  ),
  AGENTOS_TOOL_RESULT_BYTES: setting(
    'Agents',
    ms(1024, 104_857_600, 262_144),
    'Largest tool result handed to the model, in bytes; the rest is cut with a notice.',
  ),

  POSTGRES_URL: secret(
    'Database',
    text().optional(),
    'PostgreSQL to use. Unset, together with DB_HOST: the embedded database in AGENTOS_DATA_DIR.',
  ),
  POSTGRES_RAW_URL: secret(
    'Database',
    text().optional(),
    'Direct connection for migrations and notifications, when POSTGRES_URL goes through a pooler. Two different addresses say that it does.',
  ),
  PGVECTOR_DB_URL: secret('Database', text().optional(), 'Connection for knowledge vectors; default POSTGRES_URL.'),
  DB_HOST: setting('Database', text().optional(), 'Host, to build the URL from parts.'),
  DB_PORT: setting('Database', z.coerce.number().int().min(1).max(65_535).default(5432), 'Port, with DB_HOST.'),
  DB_USER: setting('Database', text().optional(), 'User, with DB_HOST.'),
  DB_PASS: secret('Database', z.string().optional(), 'Password, with DB_HOST.'),
  DB_PASS_FILE: setting('Database', text().optional(), 'File that holds the password; read for each new connection.'),
  DB_DATABASE: setting('Database', text().optional(), 'Database name, with DB_HOST.'),
  AGENTOS_DATA_DIR: setting(
    'Database',
    text().default('.agentos'),
    'Directory of the embedded database and of snapshots and caches.',
  ),
  AGENTOS_DB_POOL_SIZE: setting('Database', ms(1, 1000, 10), 'Connections for requests.'),
  AGENTOS_DB_BACKGROUND_POOL_SIZE: setting('Database', ms(1, 1000, 4), 'Connections for background work.'),
  AGENTOS_DB_STATEMENT_TIMEOUT_MS: setting(
    'Database',
    ms(100, 3_600_000, 30_000),
    'Longest statement, in milliseconds.',
  ),
  AGENTOS_MIGRATIONS: setting(
    'Database',
    z.enum(['apply', 'verify']).default('apply'),
    'apply: the start brings the schema up to date. verify: the start waits, not ready, until `agentos migrate` has; on the embedded database it ends instead.',
  ),
  AGENTOS_DB_START_TIMEOUT_MS: setting(
    'Database',
    ms(0, 3_600_000, 60_000),
    'How long the start waits for the database, trying again, in milliseconds.',
  ),

  AGENTOS_MAX_RUNS: setting('Runs', ms(1, 100_000, 1000), 'Runs at once on this replica; more are answered 429.'),
  AGENTOS_RUN_TIMEOUT_MS: setting('Runs', ms(1000, 604_800_000, 3_600_000), 'Longest run, in milliseconds.'),
  AGENTOS_LEASE_MS: setting(
    'Runs',
    ms(1000, 3_600_000, 6000),
    'Lease of a run, in milliseconds; renewed every second, or every third of it. A run whose replica died is taken up by another one after this time.',
  ),
  AGENTOS_MAX_ATTEMPTS: setting(
    'Runs',
    ms(1, 100, 3),
    'Attempts that a run may lose with their replica or worker before it fails.',
  ),
  AGENTOS_RUN_EVENT_BYTES: setting(
    'Runs',
    ms(65_536, 1_073_741_824, 67_108_864),
    'Most bytes of events of one run; past it the run fails.',
  ),
  AGENTOS_DISCONNECT_GRACE: setting(
    'Runs',
    z.coerce.number().int().min(-1).max(86_400).default(60),
    'Seconds a run goes on after its streaming client went away; 0 cancels at once, -1 never.',
  ),
  AGENTOS_DRAIN_TIMEOUT_MS: setting(
    'Runs',
    ms(0, 86_400_000, 25_000),
    'How long runs may finish after SIGTERM, in milliseconds.',
  ),
  AGENTOS_STREAM_BUFFER_BYTES: setting(
    'Runs',
    ms(16_384, 1_073_741_824, 1_048_576),
    'Most bytes held for one client that does not read; past it the client is cut.',
  ),
  AGENTOS_HEARTBEAT_MS: setting('Runs', ms(1000, 600_000, 15_000), 'Comment sent on idle streams, in milliseconds.'),
  AGENTOS_EVENT_RETENTION_DAYS: setting('Runs', ms(1, 3650, 7), 'Days that the events of runs are kept.'),
  AGENTOS_TRACE_RETENTION_DAYS: setting('Runs', ms(1, 3650, 30), 'Days that traces are kept in the database.'),
  AGENTOS_RUN_RETENTION_DAYS: setting(
    'Runs',
    ms(0, 36_500, 365),
    'Days that ended runs are kept, and sessions that nobody touched; 0 keeps them for ever.',
  ),

  AGENTOS_MEDIA_BYTES: setting(
    'Runs',
    ms(1024, 1_073_741_824, 33_554_432),
    'Most bytes that one message may have attached, all its files together. In JSON and other forms than multipart AGENTOS_BODY_LIMIT_BYTES holds too.',
  ),

  AGENTOS_MAX_USER_MEMORIES: setting(
    'Agents',
    ms(1, 100_000, 1000),
    'Most memories of one user. More are answered 409, and memory managers are told to update or delete one instead.',
  ),

  AGENTOS_EMBEDDER: setting(
    'Knowledge',
    z
      .string()
      .trim()
      .regex(/^(?:[a-z-]+:\S+|none)$/, 'must be provider:id, provider:id@dimensions or none')
      .optional(),
    "Embedder of knowledge that names none, as provider:id or provider:id@dimensions; none searches by words alone. Unset: OpenAI's or Google's, when its key is set and goes to the provider itself, else none.",
  ),
  AGENTOS_EMBEDDER_QUERY_TIMEOUT_MS: setting(
    'Knowledge',
    ms(100, 60_000, 5000),
    'Longest time for the vector of a question, in milliseconds, tries included. Then a hybrid search goes by words alone; after three such questions in a row the embedder is left alone for 30 seconds.',
  ),
  AGENTOS_KNOWLEDGE_UPLOAD_BYTES: setting(
    'Knowledge',
    ms(1024, 1_073_741_824, 52_428_800),
    'Largest document that knowledge takes, in bytes, uploaded or from the agents folder.',
  ),
  AGENTOS_KNOWLEDGE_KEEP_UPLOADS: setting(
    'Knowledge',
    flag(true),
    'Keep documents in the database once they are read, so that they can be read again with other settings; false keeps only their chunks.',
  ),
  AGENTOS_KNOWLEDGE_JOBS: setting(
    'Knowledge',
    ms(0, 100, 4),
    'Documents that this replica has in work at once; 0 leaves them to other replicas, which the embedded database has not.',
  ),
  AGENTOS_KNOWLEDGE_MAX_ATTEMPTS: setting(
    'Knowledge',
    ms(1, 100, 5),
    'Attempts at a document, those that passing failures and lost replicas cost included, before it has failed.',
  ),
  AGENTOS_KNOWLEDGE_LANGUAGE: setting(
    'Knowledge',
    z
      .string()
      .regex(/^[a-z_][a-z0-9_]*$/, 'must be the name of a text search configuration')
      .default('english'),
    'Text search configuration of PostgreSQL that words are stemmed with: english, german, simple, ... It holds for documents read from then on.',
  ),
  AGENTOS_KNOWLEDGE_PRIVATE_URLS: setting(
    'Knowledge',
    flag(false),
    'Allow documents from private addresses, those of the cluster and of this machine. Link-local addresses never are.',
  ),
  AGENTOS_DOCUMENT_THREADS: setting('Knowledge', ms(1, 16, 1), 'Documents that are read at once, each in a thread.'),
  AGENTOS_DOCUMENT_HEAP_MB: setting(
    'Knowledge',
    ms(32, 65_536, 512),
    'JavaScript heap of a thread that reads documents, in MiB; a document that needs more fails.',
  ),
  AGENTOS_DOCUMENT_TIMEOUT_MS: setting(
    'Knowledge',
    ms(1000, 86_400_000, 300_000),
    'Longest time that reading one document may take, in milliseconds.',
  ),
  AGENTOS_KNOWLEDGE_SOURCES: secret(
    'Knowledge',
    text().optional(),
    'Remote sources that documents can be taken from, as a JSON list; docs/how-to/keep-knowledge.md tells its shape.',
  ),

  AGENTOS_MAX_BACKGROUND_RUNS: setting(
    'Queue',
    ms(0, 100_000, 50),
    'Background runs at once on this replica. 0: it takes nothing from the queue and leaves runs that lost their replica to those that do, as long as one lives; not with the embedded database.',
  ),
  AGENTOS_MAX_QUEUE_DEPTH: setting(
    'Queue',
    ms(1, 1_000_000, 1000),
    'Background runs that may wait; more are answered 429.',
  ),
  AGENTOS_QUEUE_POLL_MS: setting(
    'Queue',
    ms(50, 60_000, 500),
    'How often a replica looks for runs to take up, in milliseconds, beside the hints it gets.',
  ),
  AGENTOS_QUEUE_TIMEOUT_MS: setting(
    'Queue',
    ms(1000, 2_592_000_000, 86_400_000),
    'Longest wait for a replica, in milliseconds; then the run fails.',
  ),

  AGENTOS_SCHEDULE_POLL_MS: setting(
    'Schedules',
    ms(100, 60_000, 1000),
    'Longest time between two looks at the schedules, in milliseconds. A look comes with the next tick when that is sooner.',
  ),
  AGENTOS_MAX_SCHEDULES: setting('Schedules', ms(0, 1_000_000, 1000), 'Most schedules; more are answered 409.'),
  AGENTOS_SCHEDULE_RETENTION_DAYS: setting('Schedules', ms(1, 3650, 30), 'Days that the history of schedules is kept.'),
  AGENTOS_USAGE_RETENTION_DAYS: setting('Runs', ms(1, 36_500, 1095), 'Days that the usage of a day is kept.'),

  AGENTOS_ID: setting('Identity and logs', text().default('agentos'), 'Id of this AgentOS, as clients see it.'),
  AGENTOS_NAME: setting('Identity and logs', text().optional(), 'Name of this AgentOS.'),
  AGENTOS_DESCRIPTION: setting('Identity and logs', text().optional(), 'Description of this AgentOS.'),
  AGENTOS_LOG_LEVEL: setting(
    'Identity and logs',
    z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    'Least level that is logged.',
  ),
  AGENTOS_LOG_FORMAT: setting(
    'Identity and logs',
    z.enum(['auto', 'json', 'pretty']).default('auto'),
    'auto: pretty in a terminal, JSON elsewhere.',
  ),
  AGENTOS_ACCESS_LOG: setting(
    'Identity and logs',
    z.enum(['on', 'errors', 'off']).default('on'),
    'Requests in the log: all, those that failed or whose client went away, or none. Health checks and reads of metrics that succeed are only logged at level debug.',
  ),

  AGENTOS_METRICS_PORT: setting(
    'Telemetry',
    z.coerce.number().int().min(0).max(65_535).optional(),
    'Port of GET /metrics in the format of Prometheus, without a key; 0 takes a free one. On 127.0.0.1, unless AGENTOS_HOST is open to the network. Unset: not opened.',
  ),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: setting(
    'Telemetry',
    z.url({ protocol: /^https?$/ }).optional(),
    'Collector that metrics are pushed to over OTLP/gRPC, as http://host:4317, or https:// for TLS. Unset: that of OTEL_EXPORTER_OTLP_ENDPOINT, on port 4317 where that says 4318.',
  ),
  AGENTOS_TRACING: setting('Telemetry', flag(true), 'Record the traces of runs, in the database and to a collector.'),
  AGENTOS_TRACE_STORE: setting(
    'Telemetry',
    flag(true),
    'Keep traces in the database, where the trace routes find them; false leaves them to the collector.',
  ),
  AGENTOS_TRACE_CONTENT: setting(
    'Telemetry',
    z.enum(['database', 'all', 'none']).default('database'),
    'Where the words of users, models and tools go with the traces: the database only, collectors too, or nowhere.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: setting(
    'Telemetry',
    z.url({ protocol: /^https?$/ }).optional(),
    'Where traces are posted to over OTLP/HTTP, whole: http://host:4318/v1/traces.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(
    'Telemetry',
    z.url({ protocol: /^https?$/ }).optional(),
    'Collector of what has no endpoint of its own, as http://host:4318; v1/traces is added.',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    'Telemetry',
    z
      .string()
      .regex(/^\s*[^=,\s]+\s*=[^,]*(,\s*[^=,\s]+\s*=[^,]*)*,?\s*$/, 'must be name=value,name=value')
      .optional(),
    'Headers for the collector, as name=value,name=value; values may be percent-encoded.',
  ),
  OTEL_SERVICE_NAME: setting('Telemetry', text().optional(), 'Name of this server in traces. Unset: AGENTOS_ID.'),
  OTEL_RESOURCE_ATTRIBUTES: setting(
    'Telemetry',
    z.string().optional(),
    'What else describes this server in traces, as name=value,name=value; values may be percent-encoded.',
  ),
  OTEL_TRACES_SAMPLER_ARG: setting(
    'Telemetry',
    z.coerce.number().min(0).max(1).default(1),
    'Share of the traces that are kept, 0 to 1. Those of failures always are.',
  ),
  OTEL_METRIC_EXPORT_INTERVAL: setting(
    'Telemetry',
    ms(1000, 3_600_000, 60_000),
    'How often metrics are pushed, in milliseconds.',
  ),
  AGENTOS_MODEL_PRICES: setting(
    'Telemetry',
    text().optional(),
    'JSON file with prices of models, in US dollars per million tokens, laid over the list prices of October 2026.',
  ),
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS

/** The values of all settings, by variable name. */
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> }

export type SetUpSettings = {
  readonly [Name in keyof typeof SET_UP_SETTINGS]: z.output<(typeof SET_UP_SETTINGS)[Name]['schema']>
}
