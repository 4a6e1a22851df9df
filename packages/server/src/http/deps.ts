/**
 * What the HTTP part needs from the rest of the server.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Ids } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { Redact } from '../base/redact.ts'
import type { Knowledge } from '../knowledge/knowledge.ts'
import type { Registry } from '../loader/registry.ts'
import type { Runs } from '../runs/runs.ts'
import type { Schedules } from '../schedules/schedules.ts'
import type { Database } from '../storage/database.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { AccessLogLevel } from './access-log.ts'
import type { UsageRefresh } from './usage-refresh.ts'
import type { FileLimits, UploadKind } from './input/spool.ts'

export type Readiness = {
  readonly ready: boolean
  /** Whether the start is complete; it stays so. */
  readonly startup: boolean
  /** Why it is not ready, by part, in words; empty when it is. */
  readonly reasons: Readonly<Record<string, string>>
}

export type ProfiledThread = 'agents' | 'main'

/** Who takes profiles of the threads of this replica. */
export type Profiles = {
  /**
   * @returns the profile, JSON in UTF-8
   * @throws {AgentOSError} PROFILE_RUNNING, PROFILE_TOO_LARGE, WORKER_LOST, NO_REVISION, DRAINING; the reason of `signal`
   *   when it aborts first
   */
  readonly take: (thread: ProfiledThread, request: ProfileRequest, signal: AbortSignal) => Promise<Uint8Array>
}

/** What rewrites memories. */
export type MemoryPort = {
  /** Most memories of a user. */
  readonly limit: number
  /**
   * Makes one memory of many.
   * @param memories oldest first
   * @param model `provider:id`; undefined takes the default one
   * @throws {AgentOSError} INVALID_REQUEST for a model that does not exist, MODEL_* when it fails; the signal's reason
   */
  readonly join: (memories: readonly string[], model: string | undefined, signal: AbortSignal) => Promise<string>
}

/** A request to this server that is to be made later. `endpoint` is a path with its query. */
type Endpoint = { readonly method: string; readonly endpoint: string; readonly payload: JsonObject | null }

export type Endpoints = {
  /** @throws {InvalidFields} when it names no route, or one that schedules may not call, or has not what that takes */
  readonly check: (endpoint: Endpoint, registry: Pick<Registry, 'current'>) => void
}

export type HttpSettings = {
  readonly osId: string
  readonly name: string | null
  readonly description: string | null
  /** Undefined or empty: everybody may call everything. */
  readonly securityKey: string | undefined
  readonly corsOrigins: readonly string[]
  readonly docsEnabled: boolean
  readonly bodyLimitBytes: number
  /** Where files wait while their request is handled; belongs to this process, and exists. */
  readonly uploadDirectory: string
  /** Limits of files by what they are sent for; bytes. */
  readonly uploads: Readonly<Record<UploadKind, Pick<FileLimits, 'fileBytes' | 'totalBytes' | 'count'>>>
  /** Which requests are written to the log. */
  readonly accessLog: AccessLogLevel
  /** Background runs at once; 0 takes none from the queue. */
  readonly maxBackgroundRuns: number
  /** Milliseconds between comments on a silent stream. */
  readonly heartbeatMs: number
  /** Bytes held for one client that does not read; beyond them it is cut. */
  readonly streamBufferBytes: number
  /** Models to offer beside those of the agents, as `provider:id`. */
  readonly availableModels: readonly string[]
  /** Most schedules. */
  readonly maxSchedules: number
  /** Asks all replicas to look at their folder. */
  readonly requestReload: () => Promise<void>
  readonly readiness: () => Readiness
  /** Whether clients should go elsewhere: connections are then closed after their next answer. */
  readonly isStopping: () => boolean
}

export type AppDeps = {
  readonly database: Database
  readonly runs: Runs
  readonly registry: Registry
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly redact: Redact
  /** Who records the spans of requests; undefined where nobody does. */
  readonly tracing?: Pick<Tracing, 'server' | 'isSampled'> | undefined
  /** Who counts requests and streams; undefined where nobody does. */
  readonly metrics?:
    | Pick<Metrics, 'requestEnded' | 'streamOpened' | 'streamClosed' | 'clientCut' | 'collect'>
    | undefined
  readonly profiles: Profiles
  readonly knowledge: Knowledge
  readonly memory: MemoryPort
  readonly schedules: Pick<Schedules, 'trigger'>
  /** What schedules may call. */
  readonly endpoints: Endpoints
  readonly usageRefresh: UsageRefresh
  readonly replicaId: string
  readonly version: string
  readonly startedAt: Date
  readonly settings: HttpSettings
}
