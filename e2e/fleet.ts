/**
 * Replicas of one server on one PostgreSQL, with a model provider and tools whose effects are counted: what the tests of
 * failures break. Leases are short, so that what is lost is missed within seconds.
 * @module
 */
import type { Files } from './agents-folder.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { createEffects, type Effects } from './effects.ts'
import { type ProviderProcess, startProvider } from './provider-process.ts'
import { type Env, type ServerProcess, startServer } from './server-process.ts'

/** Milliseconds after which a run of a dead replica is free, in these tests. */
export const LEASE_MS = 1_500

export type Fleet = AsyncDisposable & {
  readonly provider: ProviderProcess
  readonly effects: Effects
  /** URL of the database. */
  readonly databaseUrl: string
  /** The replica at `index`, from 0; after `start` the new one. */
  readonly replica: (index: number) => ServerProcess
  /** Those that have not been killed or stopped through this fleet. */
  readonly running: () => readonly ServerProcess[]
  /** Their URLs. */
  readonly urls: () => readonly string[]
  /** kill -9, and waits until it is gone. */
  readonly kill: (index: number) => Promise<void>
  /** SIGTERM, and waits. @returns the exit code */
  readonly stop: (index: number) => Promise<number | null>
  /** Starts the replica at `index`, or again. @param env beyond that of the fleet */
  readonly start: (index: number, env?: Env) => Promise<ServerProcess>
}

export type FleetOptions = {
  /** Replicas to start with, from 0. */
  readonly replicas: number
  /** Beyond the short leases. */
  readonly env?: Env
  /** Agents beside those of `effects.ts`. */
  readonly agents?: Files
  /** Without it, a fresh database on the server of the test run. */
  readonly database?: TestDatabase
}

export async function startFleet({ replicas, env = {}, agents = {}, database: given }: FleetOptions): Promise<Fleet> {
  await using stack = new AsyncDisposableStack()
  const provider = stack.use(await startProvider({ record: 20_000 }))
  const effects = stack.use(await createEffects(agents))
  const database = given ?? stack.use(await createDatabase('postgres'))
  const shared: Env = {
    ...provider.env,
    ...database.env,
    AGENTOS_WATCH: 'false',
    AGENTOS_LEASE_MS: String(LEASE_MS),
    AGENTOS_QUEUE_POLL_MS: '100',
    ...env,
  }
  const running = new Map<number, ServerProcess>()
  const started = stack.move()
  const start = async (index: number, more: Env = {}) => {
    const server = started.use(await startServer({ dir: effects.path, env: { ...shared, ...more } }))
    running.set(index, server)
    return server
  }
  const replica = (index: number): ServerProcess => {
    const server = running.get(index)
    if (server === undefined) throw new Error(`replica ${index} does not run`)
    return server
  }
  const take = (index: number) => {
    const server = replica(index)
    running.delete(index)
    return server
  }
  try {
    // One makes the schema; the others find it.
    if (replicas > 0) await start(0)
    await Promise.all(Array.from({ length: Math.max(0, replicas - 1) }, (_, index) => start(index + 1)))
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
  return {
    provider,
    effects,
    databaseUrl: database.url,
    replica,
    running: () => [...running.values()],
    urls: () => [...running.values()].map(({ url }) => url),
    kill: (index) => take(index).kill(),
    stop: (index) => take(index).stop(),
    start,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
