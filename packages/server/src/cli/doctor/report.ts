/**
 * What the doctor tells.
 * @module
 */
import type { Database } from '../../storage/database.ts'
import type { ExpiredLease, QueueStats } from '../../storage/runs/queue.ts'
import type { Replica } from '../../storage/replicas.ts'
import type { DatabaseState } from '../../storage/server-state.ts'
import type { StorageReport } from '../../storage/upkeep/storage-report.ts'

export type Problem = {
  /** One sentence. */
  readonly what: string
  readonly next: string
  /** Of the error catalogue; null when there is none for it. */
  readonly code: string | null
}

export type SettingInForce = {
  readonly name: string
  /** Undefined: not set, and without a default. Secrets are masked. */
  readonly value: unknown
  readonly isDefault: boolean
}

/** Of the last day; one that is not alive ended without taking leave. */
export type ReplicaReport = Replica & { readonly isAlive: boolean }

export type DatabaseReport = {
  readonly engine: Database['engine']
  /** Host, port and database, or the directory; never a password. */
  readonly address: string
  /** Whether requests go through a pooler. */
  readonly isPooled: boolean
  /** Why it could not be looked at; null when it could. */
  readonly failure: Problem | null
  /** Milliseconds of a round trip, the median of five; null when it does not answer. */
  readonly latencyMs: number | null
  /** Connections that one replica opens at most. */
  readonly connectionsPerReplica: number
  readonly state: DatabaseState | null
}

/** `server`: taken by a server of ours, as it should be while one runs. `refused`: it may not be listened on here. */
export type PortReport = {
  readonly setting: string
  readonly host: string
  readonly port: number
  readonly state: 'free' | 'server' | 'taken' | 'refused'
}

export type CollectorReport = {
  readonly signal: 'traces' | 'metrics'
  /** Without a password. */
  readonly address: string
  /** Why a span did not arrive, or nobody listens for metrics; null when all is well. */
  readonly failure: string | null
}

export type DoctorReport = {
  readonly version: string
  readonly node: string
  readonly agentsDirectory: { readonly path: string; readonly exists: boolean; readonly isFolder: boolean }
  readonly settings: readonly SettingInForce[]
  readonly ports: readonly PortReport[]
  /** Those that the settings name. */
  readonly collectors: readonly CollectorReport[]
  readonly database: DatabaseReport
  /** The following are null when the database could not be looked at, or its schema is not that of this release. */
  readonly storage: StorageReport | null
  readonly queue: QueueStats | null
  readonly replicas: readonly ReplicaReport[] | null
  readonly expiredLeases: readonly ExpiredLease[] | null
  readonly problems: readonly Problem[]
}
