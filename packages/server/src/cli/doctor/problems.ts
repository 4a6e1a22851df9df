/**
 * What is wrong in what the doctor saw, each with the next step. Pure.
 * @module
 */
import { ERRORS } from '../../base/errors.ts'
import type { Settings } from '../../config/settings.ts'
import type { DoctorReport, Problem } from './report.ts'

type Seen = Omit<DoctorReport, 'problems'>

/** Older ones are not tested, and some of our statements need this one. */
const OLDEST_MAJOR = 15
/** Of the connections of the server, for administrators. */
const RESERVED_CONNECTIONS = 3

/** The gravest first. */
export function findProblems(seen: Seen, settings: Settings): Problem[] {
  return [
    ...findFolderProblems(seen),
    ...findDatabaseProblems(seen),
    ...findRightsProblems(seen),
    ...findConnectionProblems(seen),
    ...findQueueProblems(seen, settings),
    ...findLeaseProblems(seen),
    ...findPortProblems(seen),
    ...findCollectorProblems(seen),
  ]
}

const problem = (what: string, next: string, code: string | null = null): Problem => ({ what, next, code })

function findFolderProblems({ agentsDirectory }: Seen): Problem[] {
  const { path, exists, isFolder } = agentsDirectory
  if (isFolder) return []
  const next = 'Name a folder of agents, set AGENTOS_AGENTS_DIR, or wait for what brings it there.'
  return [problem(exists ? `${path} is not a folder.` : `There is no agents folder ${path}.`, next)]
}

function findDatabaseProblems({ database: { failure, state, address } }: Seen): Problem[] {
  // A server that runs has its embedded database for itself: that is as it should be.
  if (failure?.code === 'DATA_DIR_LOCKED') return []
  if (failure !== null) return [failure]
  if (state === null) return []
  const { version, schema, role } = state
  const found: Problem[] = []
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    found.push(problem(`PostgreSQL at ${address} is ${version}.`, `Use PostgreSQL ${OLDEST_MAJOR} or newer.`))
  }
  if (schema.applied === null) {
    // That the tables may not be read is another problem.
    if (role.withoutRights.length > 0) return found
    found.push(problem('The database has no tables yet.', 'Start a server, or run `agentos migrate`.'))
  } else if (schema.refusal !== null) {
    found.push(problem(schema.refusal.message, ERRORS[schema.refusal.code].next, schema.refusal.code))
  } else if (schema.applied < schema.known) {
    const what = `The schema is at migration ${schema.applied} and this release needs ${schema.known}.`
    found.push(
      problem(
        what,
        'Run `agentos migrate`, or start a server that may migrate (AGENTOS_MIGRATIONS=apply).',
        'SCHEMA_OLDER',
      ),
    )
  }
  return found
}

function findRightsProblems({ database: { state } }: Seen): Problem[] {
  if (state === null) return []
  const { name, mayCreate, withoutRights, notOwned } = state.role
  const next = 'Grant them to the role, or use POSTGRES_URL with the role that owns the tables.'
  if (withoutRights.length > 0) {
    return [problem(`The role ${name} may not read and write ${withoutRights.join(', ')}.`, next)]
  }
  if (notOwned.length > 0) {
    const what = `The role ${name} does not own ${notOwned.join(', ')}: it cannot make room for the events of new days.`
    return [problem(what, 'Make it the owner (REASSIGN OWNED), or a member of the role that is.')]
  }
  if (mayCreate) return []
  const why = state.schema.applied === null ? 'the tables' : 'partitions for new days'
  return [problem(`The role ${name} may not create ${why}.`, `GRANT CREATE ON SCHEMA public TO ${name}.`)]
}

function findConnectionProblems({ database, replicas }: Seen): Problem[] {
  const { state, isPooled, connectionsPerReplica } = database
  if (state === null || isPooled || database.engine === 'embedded') return []
  const { used, max } = state.connections
  const alive = Math.max(1, replicas?.filter(({ isAlive }) => isAlive).length ?? 0)
  const wanted = alive * connectionsPerReplica
  const next =
    'Lower AGENTOS_DB_POOL_SIZE, raise max_connections of PostgreSQL, or put PgBouncer in between (POSTGRES_RAW_URL).'
  if (used >= max - RESERVED_CONNECTIONS) {
    return [problem(`PostgreSQL has ${used} of its ${max} connections open.`, next)]
  }
  if (wanted <= max - RESERVED_CONNECTIONS) return []
  const what = `${alive} replicas may open ${wanted} connections, and PostgreSQL allows ${max}.`
  return [problem(what, next)]
}

function findQueueProblems({ queue, replicas }: Seen, settings: Settings): Problem[] {
  const waiting = queue?.counts.PENDING ?? 0
  if (waiting === 0) return []
  if (replicas?.every(({ isAlive }) => !isAlive)) {
    const next = 'Start a server on this database.'
    return [problem(`${waiting} runs wait and no replica is alive.`, next)]
  }
  if (isWithoutTakers(replicas)) {
    return [problem(`${waiting} runs wait and no living replica takes any from the queue.`, START_WORKER)]
  }
  const most = settings.AGENTOS_MAX_QUEUE_DEPTH
  if (waiting < most) return []
  const next = 'Add replicas, or raise AGENTOS_MAX_BACKGROUND_RUNS.'
  return [problem(`${waiting} runs wait; from ${most} on new ones are refused.`, next, 'QUEUE_FULL')]
}

const START_WORKER =
  'Start a worker: a server on this database whose AGENTOS_MAX_BACKGROUND_RUNS is above 0. With the chart, see what became of the pods of NAME-worker.'

/** Whether all that live leave runs to others. */
function isWithoutTakers(replicas: Seen['replicas']): boolean {
  const alive = replicas?.filter(({ isAlive }) => isAlive) ?? []
  return alive.length > 0 && alive.every(({ takesRuns }) => !takesRuns)
}

function findLeaseProblems({ expiredLeases, replicas }: Seen): Problem[] {
  if (expiredLeases === null || expiredLeases.length === 0) return []
  const components = [...new Set(expiredLeases.map(({ componentId }) => componentId))].toSorted().join(', ')
  if (isWithoutTakers(replicas)) {
    const what = `${expiredLeases.length} runs have lost their replica and no living replica takes any up.`
    return [problem(what, START_WORKER)]
  }
  const next = `Start a replica that serves ${components}; GET /health/ready of each tells what it serves.`
  return [problem(`${expiredLeases.length} runs have lost their replica and nobody takes them up.`, next)]
}

function findPortProblems({ ports }: Seen): Problem[] {
  return ports.flatMap(({ setting, host, port, state }) => {
    if (state === 'taken') {
      const next = `Set ${setting} to a free port, or stop what listens there.`
      return [problem(`Port ${port} (${setting}) is taken by something else than a server of ours.`, next)]
    }
    if (state !== 'refused') return []
    const next = 'Use an address of this machine, and a port above 1023.'
    return [problem(`Nothing may listen on ${host}:${port} (${setting}).`, next)]
  })
}

function findCollectorProblems({ collectors }: Seen): Problem[] {
  return collectors.flatMap(({ signal, address, failure }) => {
    if (failure === null) return []
    const [setting, port] =
      signal === 'traces'
        ? ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTLP over HTTP, most often port 4318']
        : ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTLP over gRPC, most often port 4317']
    const next = `Check that the collector runs and takes ${port}; ${setting} names it, OTEL_EXPORTER_OTLP_HEADERS has its keys.`
    return [problem(`The collector at ${address} does not take ${signal}: ${failure}.`, next)]
  })
}
