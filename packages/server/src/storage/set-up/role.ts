/**
 * The user of the server: made when it is missing, given its password every time. Works for an admin that is no
 * superuser, as on every managed PostgreSQL.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { SetUpPlan } from './plan.ts'
import { scramVerifier } from './scram-verifier.ts'
import { attempt, identifier, type Session, shown } from './session.ts'

export type Admin = {
  readonly name: string
  readonly isSuperuser: boolean
  readonly mayCreateRoles: boolean
  readonly mayCreateDatabases: boolean
}

export async function readAdmin(session: Session): Promise<Admin> {
  const [admin] = await session.rows<Admin>(`
    select rolname as name, rolsuper as "isSuperuser",
      rolsuper or rolcreaterole as "mayCreateRoles", rolsuper or rolcreatedb as "mayCreateDatabases"
    from pg_catalog.pg_roles where rolname = current_user`)
  if (admin === undefined) throw new TypeError('a session has a role')
  return admin
}

/**
 * @param salt 16 random bytes
 * @throws {AgentOSError} CONFIG_INVALID for a user that is no user of the server's own, DATABASE_SETUP_DENIED
 */
export async function setUpRole(
  session: Session,
  { plan, admin, salt }: { readonly plan: SetUpPlan; readonly admin: Admin; readonly salt: Uint8Array },
): Promise<void> {
  const { user, report } = plan
  const exists = await checkRole(session, plan, admin)
  if (!exists) {
    await attempt(session, `create the user ${shown(user)}; it needs CREATEROLE`, () =>
      session.rows(`create role ${identifier(user)} login`),
    )
  }
  const verifier = await scramVerifier(plan.password, salt)
  const what = `set the password of ${shown(user)}; whoever made that user can grant it to the admin WITH ADMIN OPTION`
  await attempt(session, what, () => session.rows(`alter role ${identifier(user)} login password '${verifier}'`))
  report(`user ${shown(user)}: ${exists ? 'was there, password set' : 'made'}`)
  if (!admin.isSuperuser) await joinRole(session, user)
}

/** @returns whether the role exists */
async function checkRole(session: Session, { user }: SetUpPlan, admin: Admin): Promise<boolean> {
  if (user === admin.name) {
    throw new AgentOSError(
      'CONFIG_INVALID',
      `INITDB_USER: ${shown(user)} is the admin; name a user of the server's own`,
    )
  }
  const [role] = await session.rows<{ isSuperuser: boolean }>(
    'select rolsuper as "isSuperuser" from pg_catalog.pg_roles where rolname = $1',
    [user],
  )
  if (role?.isSuperuser) {
    throw new AgentOSError(
      'CONFIG_INVALID',
      `INITDB_USER: ${shown(user)} is a superuser; name a user of the server's own`,
    )
  }
  return role !== undefined
}

/**
 * To make something that `user` owns, the admin must be able to become that user. Since PostgreSQL 16 whoever makes a
 * role may administer it and is not a member of it.
 */
async function joinRole(session: Session, user: string): Promise<void> {
  const [membership] = await session.rows<{ isMember: boolean }>(
    `select pg_catalog.pg_has_role(current_user, $1::name,
       case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as "isMember"`,
    [user],
  )
  if (membership?.isMember) return
  await attempt(session, `become ${shown(user)}; whoever made that user can grant it to the admin`, () =>
    session.rows(`grant ${identifier(user)} to current_user`),
  )
}
