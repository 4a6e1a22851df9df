/**
 * The doctor's report for people.
 * @module
 */
import type { RunStatus } from '../../base/run.ts'
import type { StorageReport } from '../../storage/upkeep/storage-report.ts'
import type { DatabaseState } from '../../storage/server-state.ts'
import type { DatabaseReport, DoctorReport, Problem } from './report.ts'

const LABEL_WIDTH = 11

/** @param now milliseconds since the epoch */
export function describeReport(report: DoctorReport, now: number): string {
  return [
    line('agentos', `${report.version}, node ${report.node}`),
    line('agents', report.agentsDirectory.path),
    ...describeSettings(report),
    ...describePorts(report),
    ...describeCollectors(report),
    ...describeDatabase(report.database),
    ...describeReplicas(report),
    ...describeQueue(report, now),
    ...(report.storage === null ? [] : describeStorage(report.storage)),
    '',
    ...describeProblems(report),
  ].join('\n')
}

export const line = (label: string, text: string) => `${label.padEnd(LABEL_WIDTH)} ${text}`
/** The label only before the first. */
export const lines = (label: string, texts: readonly string[]) =>
  texts.map((text, i) => line(i === 0 ? label : '', text))

function describeSettings({ settings }: DoctorReport): string[] {
  const own = settings.filter(({ isDefault }) => !isDefault)
  if (own.length === 0) return [line('settings', 'all defaults')]
  return lines(
    'settings',
    own.map(({ name, value }) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`),
  )
}

const PORT_STATES = { free: 'free', server: 'a server of ours has it', taken: 'taken', refused: 'not allowed' } as const

function describePorts({ ports }: DoctorReport): string[] {
  return lines(
    'ports',
    ports.map(({ setting, host, port, state }) => `${host}:${port} ${PORT_STATES[state]}, ${setting}`),
  )
}

function describeCollectors({ collectors }: DoctorReport): string[] {
  return lines(
    'collectors',
    collectors.map(({ signal, address, failure }) => {
      const taken = signal === 'traces' ? 'a span arrived' : 'somebody listens'
      return `${signal} to ${address}: ${failure ?? taken}`
    }),
  )
}

function describeDatabase({ engine, address, isPooled, failure, state, latencyMs, ...rest }: DatabaseReport): string[] {
  const what = engine === 'embedded' ? `embedded, ${address}` : `PostgreSQL at ${address}${isPooled ? ', pooled' : ''}`
  if (failure !== null) return lines('database', [what, failure.what])
  if (state === null) return lines('database', [what, 'not made yet; the first start makes it'])
  const { version, schema, connections, role, vector } = state
  const facts = [
    `version ${version}, answers in ${(latencyMs ?? 0).toFixed(1)} ms`,
    describeSchema(schema),
    `role ${role.name}`,
    describeVector(vector),
  ]
  if (engine === 'postgres') {
    const each = `up to ${rest.connectionsPerReplica} per replica`
    facts.push(`${connections.used} of ${connections.max} connections, ${each}`)
  }
  return lines('database', [what, ...facts])
}

function describeSchema({ applied, known, refusal }: DatabaseState['schema']): string {
  const isNewer = refusal === null && applied !== null && applied > known
  return `schema ${applied ?? 'none'} of ${known}${isNewer ? ', newer and additive: this release serves it' : ''}`
}

function describeVector({ installed, available }: { installed: string | null; available: string | null }): string {
  if (installed !== null) return `pgvector ${installed}`
  return available === null ? 'no pgvector' : `pgvector ${available}, not installed in this database`
}

function describeReplicas({ replicas }: DoctorReport): string[] {
  if (replicas === null) return []
  if (replicas.length === 0) return [line('replicas', 'none')]
  return lines(
    'replicas',
    replicas.map(({ replicaId, revision, heartbeatAgeMs, isAlive, takesRuns }) => {
      const heard = `heard of ${describeDuration(heartbeatAgeMs)} ago`
      return `${replicaId}  ${isAlive ? 'alive' : 'gone '}  ${heard}, revision ${revision ?? 'none'}${takesRuns ? '' : ', takes no runs'}`
    }),
  )
}

function describeQueue({ queue, expiredLeases }: DoctorReport, now: number): string[] {
  if (queue === null) return []
  // Object.entries loses the key's type.
  const counts = (Object.entries(queue.counts) as [RunStatus, number][]).filter(([, count]) => count > 0)
  const text = counts.map(([status, count]) => `${count} ${status.toLowerCase()}`).join(', ')
  const { oldestQueuedAt } = queue
  return lines('queue', [
    text === '' ? 'empty' : text,
    ...(oldestQueuedAt === null ? [] : [`oldest waits for ${describeDuration(now - oldestQueuedAt.getTime())}`]),
    ...(expiredLeases ?? []).map(
      ({ runId, componentId, expiredAt }) =>
        `run ${runId} of ${componentId} lost its replica at ${expiredAt.toISOString()}`,
    ),
  ])
}

function describeStorage({ databaseBytes, tables, eventPartitions, oldestRunAt }: StorageReport): string[] {
  const days = eventPartitions.flatMap(({ day, bytes }) => (day === null ? [] : [`${day} ${describeBytes(bytes)}`]))
  return lines('storage', [
    `${describeBytes(databaseBytes)} in all`,
    ...tables.map(({ name, rows, isEstimate, tableBytes, indexBytes, toastBytes }) => {
      const parts = `${describeBytes(tableBytes)} rows, ${describeBytes(indexBytes)} indexes, ${describeBytes(toastBytes)} long values`
      return `${name.padEnd(20)} ${(isEstimate ? '~' : '') + rows} rows: ${parts}`
    }),
    ...(days.length === 0 ? [] : [`events of ${days.join(', ')}`]),
    ...(oldestRunAt === null ? [] : [`oldest run of ${oldestRunAt.toISOString()}`]),
  ])
}

function describeProblems({ problems, database }: DoctorReport): string[] {
  if (problems.length > 0) return listProblems(problems)
  if (database.failure !== null) return ['ok: a server runs here; what it stores, GET /admin/storage tells']
  return ['ok']
}

export function listProblems(problems: readonly Problem[]): string[] {
  return problems.flatMap(({ what, next }) => [`problem: ${what}`, `         ${next}`])
}

export function describeBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let [value, unit] = [bytes, 0]
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

export function describeDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`
}
