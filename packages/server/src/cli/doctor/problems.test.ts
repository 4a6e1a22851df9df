import { expect, test } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import { findProblems } from './problems.ts'
import type { RoleState } from '../../storage/server-state.ts'
import type { DatabaseReport, DoctorReport, PortReport } from './report.ts'

const { settings } = loadConfig({})
const NOW = new Date('2026-01-01T00:00:00Z')

const database: DatabaseReport = {
  engine: 'postgres',
  address: 'db:5432/agentos',
  isPooled: false,
  failure: null,
  latencyMs: 1,
  connectionsPerReplica: 16,
  state: {
    version: '18.4',
    schema: { applied: 2, known: 2, refusal: null },
    connections: { used: 20, max: 100 },
    role: { name: 'app', mayCreate: true, withoutRights: [], notOwned: [] },
    vector: { installed: null, available: '0.8.1' },
  },
}
const counts = { PENDING: 0, RUNNING: 0, PAUSED: 0, COMPLETED: 9, ERROR: 1, CANCELLED: 0, REGENERATED: 0 }
const replica = (isAlive: boolean, takesRuns = true) => ({
  replicaId: 'r',
  revision: 'abc',
  takesRuns,
  startedAt: NOW,
  heartbeatAt: NOW,
  heartbeatAgeMs: 1,
  isAlive,
})
const well: Omit<DoctorReport, 'problems'> = {
  version: '0.1.0',
  node: 'v26',
  agentsDirectory: { path: '/agents', exists: true, isFolder: true },
  settings: [],
  ports: [{ setting: 'AGENTOS_PORT', host: '127.0.0.1', port: 8000, state: 'server' }],
  collectors: [{ signal: 'traces', address: 'http://c:4318/v1/traces', failure: null }],
  database,
  storage: null,
  queue: { counts, oldestQueuedAt: null },
  replicas: [replica(true)],
  expiredLeases: [],
}

const withDatabase = (change: Partial<DatabaseReport>) => ({ ...well, database: { ...database, ...change } })
const withState = (change: Partial<NonNullable<DatabaseReport['state']>>) =>
  withDatabase({ state: { ...database.state!, ...change } })
const withRole = (change: Partial<RoleState>) => withState({ role: { ...database.state!.role, ...change } })
const withFolder = (change: { readonly exists: boolean; readonly isFolder: boolean }) => ({
  ...well,
  agentsDirectory: { path: '/agents', ...change },
})
const withPort = (state: PortReport['state']) => ({ ...well, ports: [{ ...well.ports[0]!, state }] })
const withWaiting = (waiting: number, alive: boolean, takesRuns = true) => ({
  ...well,
  queue: { counts: { ...counts, PENDING: waiting }, oldestQueuedAt: NOW },
  replicas: [replica(false), replica(alive, takesRuns)],
})
const whats = (seen: typeof well) => findProblems(seen, settings).map(({ what }) => what)

test('a deployment that is well has no problems', () => {
  expect(findProblems(well, settings)).toEqual([])
  expect(whats(withWaiting(999, true))).toEqual([])
  expect(whats({ ...well, replicas: [] })).toEqual([])
  expect(whats({ ...well, replicas: [replica(true, false)] })).toEqual([])
  expect(whats({ ...withWaiting(3, true), replicas: [replica(true, false), replica(true)] })).toEqual([])
})

test.each<[string, typeof well]>([
  ['There is no agents folder /agents.', withFolder({ exists: false, isFolder: false })],
  ['/agents is not a folder.', withFolder({ exists: true, isFolder: false })],
  ['The role app may not read and write agentos_runs.', withRole({ withoutRights: ['agentos_runs'] })],
  [
    'The role app does not own agentos_runs: it cannot make room for the events of new days.',
    withRole({ notOwned: ['agentos_runs'] }),
  ],
  ['The role app may not create partitions for new days.', withRole({ mayCreate: false })],
  ['Port 8000 (AGENTOS_PORT) is taken by something else than a server of ours.', withPort('taken')],
  ['Nothing may listen on 127.0.0.1:8000 (AGENTOS_PORT).', withPort('refused')],
  [
    'The collector at c:4317 does not take metrics: connect ECONNREFUSED.',
    { ...well, collectors: [{ signal: 'metrics', address: 'c:4317', failure: 'connect ECONNREFUSED' }] },
  ],
  ['PostgreSQL at db:5432/agentos is 14.9.', withState({ version: '14.9' })],
  ['The database has no tables yet.', withState({ schema: { applied: null, known: 2, refusal: null } })],
  [
    'The schema is at migration 1 and this release needs 2.',
    withState({ schema: { applied: 1, known: 2, refusal: null } }),
  ],
  [
    'The database holds migration 3.',
    withState({
      schema: { applied: 3, known: 2, refusal: { code: 'SCHEMA_NEWER', message: 'The database holds migration 3.' } },
    }),
  ],
  ['PostgreSQL has 98 of its 100 connections open.', withState({ connections: { used: 98, max: 100 } })],
  [
    '7 replicas may open 112 connections, and PostgreSQL allows 100.',
    { ...well, replicas: Array.from({ length: 7 }, () => replica(true)) },
  ],
  ['3 runs wait and no replica is alive.', withWaiting(3, false)],
  ['3 runs wait and no living replica takes any from the queue.', withWaiting(3, true, false)],
  ['1000 runs wait; from 1000 on new ones are refused.', withWaiting(1000, true)],
  [
    '1 runs have lost their replica and nobody takes them up.',
    { ...well, expiredLeases: [{ runId: 'r', componentId: 'desk', expiredAt: NOW }] },
  ],
  [
    '1 runs have lost their replica and no living replica takes any up.',
    {
      ...well,
      replicas: [replica(true, false)],
      expiredLeases: [{ runId: 'r', componentId: 'desk', expiredAt: NOW }],
    },
  ],
])('says: %s', (what, seen) => {
  const problems = findProblems(seen, settings)
  expect(problems).toMatchObject([{ what }])
  expect(problems[0]?.next).toMatch(/^[A-Z].*\.$/)
})

test('of tables that may not be read, nobody says that there are none', () => {
  const role = { ...database.state!.role, withoutRights: ['agentos_migrations'] }
  expect(whats(withState({ role, schema: { applied: null, known: 2, refusal: null } }))).toEqual([
    'The role app may not read and write agentos_migrations.',
  ])
})

test('what the database says is a problem, except that a server has the embedded one', () => {
  const failure = (code: string) => ({ what: 'It does not work.', next: 'Mend it.', code })
  const unseen = { state: null, latencyMs: null }
  expect(whats(withDatabase({ ...unseen, failure: failure('DATABASE_AUTH') }))).toEqual(['It does not work.'])
  expect(whats(withDatabase({ ...unseen, failure: failure('DATA_DIR_LOCKED') }))).toEqual([])
  expect(whats(withDatabase(unseen))).toEqual([])
})

test('a pooler shares the connections of the server among all replicas', () => {
  const crowd = { ...well, replicas: Array.from({ length: 50 }, () => replica(true)) }
  expect(whats({ ...crowd, database: { ...database, isPooled: true } })).toEqual([])
})
