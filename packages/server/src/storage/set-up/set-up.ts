/**
 * Makes what the server needs in a PostgreSQL that an admin opens: user, database, schemas, extensions and grants. Every
 * run does the same work, changes only what is missing, and sets the password.
 * Invariant: the clear password never leaves this process; the admin's is only used to log in.
 * @module
 */
import { backoffMs, sleep } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { AgentOSError } from '../../base/errors.ts'
import { type Ids, randomFraction } from '../../base/ids.ts'
import { reasonOf } from '../failure.ts'
import { type ConnectionTarget, parseConnectionUrl } from '../postgres/connection-url.ts'
import { findDatabase, setUpDatabase, setUpSchemas } from './database.ts'
import { setUpExtensions } from './extension.ts'
import type { SetUpPlan } from './plan.ts'
import { readAdmin, setUpRole } from './role.ts'
import { isUnambiguous } from './scram-verifier.ts'
import { attempt, connectFailure, identifier, mayPass, openSession, type Session, shown } from './session.ts'

export type { SetUpPlan } from './plan.ts'

/** What two set-ups must agree on to wait for each other; `charts/agentos/files/init-db.sh` takes the same. */
const ADVISORY_LOCK = '4218097314'

const RETRY = { baseMs: 250, maxMs: 5_000 }

type Deps = {
  readonly clock: Clock
  readonly ids: Ids
  readonly randomBytes: (count: number) => Uint8Array
}

/**
 * @throws {AgentOSError} CONFIG_INVALID, DATABASE_SETUP_UNREACHABLE, DATABASE_SETUP_AUTH, DATABASE_SETUP_DENIED,
 *   DATABASE_SETUP_EXTENSION, DATABASE_SETUP_BUSY or DATABASE_SETUP_FAILED; no message has a password in it
 */
export async function setUp(plan: SetUpPlan, deps: Deps): Promise<void> {
  if (!isUnambiguous(plan.password)) {
    const message =
      'INITDB_PASSWORD: has a character that clients read in two ways, such as a ligature or a space that is no space; use others'
    throw new AgentOSError('CONFIG_INVALID', message)
  }
  const target = parseConnectionUrl(plan.adminUrl)
  await using session = await waitForServer(target, plan.waitMs, deps)
  await lock(session, plan.waitMs)
  const admin = await readAdmin(session)
  const found = await findDatabase(session, plan)
  await setUpRole(session, { plan, admin, salt: deps.randomBytes(16) })
  await setUpDatabase(session, { plan, admin, found })
  await using inside = await openSession({ ...session.target, database: plan.database }).catch((error: unknown) => {
    throw connectFailure(error, { ...target, database: plan.database })
  })
  await inside.transaction(async () => {
    await lockTransaction(inside, plan.waitMs)
    await setUpSchemas(inside, plan)
    await setUpExtensions(inside, plan)
  })
  await logIn(inside.target, plan)
}

async function waitForServer(target: ConnectionTarget, waitMs: number, { clock, ids }: Deps): Promise<Session> {
  const deadline = clock.monotonic() + waitMs
  for (let tries = 0; ; tries++) {
    try {
      return await openSession(target)
    } catch (error) {
      const pauseMs = backoffMs(RETRY, tries, randomFraction(ids))
      if (!mayPass(error) || clock.monotonic() + pauseMs > deadline) throw connectFailure(error, target)
      await sleep(pauseMs)
    }
  }
}

/** Until the session ends: `create database` is impossible in a transaction. */
async function lock(session: Session, waitMs: number): Promise<void> {
  await session.rows(`set lock_timeout to ${waitMs}`)
  await attempt(session, 'wait for another set-up of this server', () =>
    session.rows(`select pg_catalog.pg_advisory_lock(${ADVISORY_LOCK})`),
  )
}

/** Advisory locks belong to one database; the script of the chart has nothing but this one in here. */
async function lockTransaction(session: Session, waitMs: number): Promise<void> {
  await session.rows(`set local lock_timeout to ${waitMs}`)
  await attempt(session, 'wait for another set-up of this database', () =>
    session.rows(`select pg_catalog.pg_advisory_xact_lock(${ADVISORY_LOCK})`),
  )
}

/** The proof: the server's user comes in with its password and may make tables. */
async function logIn(inside: ConnectionTarget, { user, password, schemas, report }: SetUpPlan): Promise<void> {
  try {
    await using session = await openSession({ ...inside, user, password })
    for (const schema of schemas) {
      const [may] = await session.rows<{ create: boolean }>(
        `select pg_catalog.has_schema_privilege($1, 'CREATE') as create`,
        [schema],
      )
      if (may?.create !== true) {
        const message = `${shown(user)} may not make tables in the schema ${shown(schema)}; its owner can: grant usage, create on schema ${identifier(schema)} to ${identifier(user)}`
        throw new AgentOSError('DATABASE_SETUP_DENIED', message)
      }
    }
  } catch (error) {
    if (error instanceof AgentOSError) throw error
    const message = `Everything is made, but ${shown(user)} cannot log in to ${shown(inside.database)}: ${reasonOf(error)}`
    throw new AgentOSError('DATABASE_SETUP_FAILED', message, { cause: error })
  }
  report(`${shown(user)} can log in`)
}
