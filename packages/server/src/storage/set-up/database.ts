/**
 * The database and its schemas. What is new belongs to the server's user and is closed to others; what was there keeps
 * its owner and is only opened for that user.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { SetUpPlan } from './plan.ts'
import type { Admin } from './role.ts'
import { attempt, identifier, type Session, shown } from './session.ts'

export type FoundDatabase = { readonly owner: string; readonly isUsable: boolean }

/**
 * @returns undefined when it is missing
 * @throws {AgentOSError} CONFIG_INVALID for a template
 */
export async function findDatabase(session: Session, { database }: SetUpPlan): Promise<FoundDatabase | undefined> {
  const [found] = await session.rows<FoundDatabase>(
    `select pg_catalog.pg_get_userbyid(datdba) as owner, datallowconn and not datistemplate as "isUsable"
     from pg_catalog.pg_database where datname = $1`,
    [database],
  )
  if (found?.isUsable === false) {
    throw new AgentOSError('CONFIG_INVALID', `INITDB_DATABASE: ${shown(database)} is a template; name another database`)
  }
  return found
}

/** On a connection to another database, when the user is there. */
export async function setUpDatabase(
  session: Session,
  {
    plan,
    admin,
    found,
  }: { readonly plan: SetUpPlan; readonly admin: Admin; readonly found: FoundDatabase | undefined },
): Promise<void> {
  const { database, user, report } = plan
  if (found === undefined) {
    const sql = `create database ${identifier(database)} owner ${identifier(user)} template template0 encoding 'UTF8'`
    await attempt(session, `create the database ${shown(database)}; it needs CREATEDB`, () => session.rows(sql))
  }
  report(`database ${shown(database)}: ${found === undefined ? 'made' : `was there, owned by ${shown(found.owner)}`}`)
  if (found === undefined || found.owner === user) await closeDatabase(session, plan, admin)
  else await openToUser(session, plan)
}

async function openToUser(session: Session, { database, user }: SetUpPlan): Promise<void> {
  const [may] = await session.rows<{ enter: boolean }>(
    `select pg_catalog.has_database_privilege($1::name, $2, 'CONNECT')
       and pg_catalog.has_database_privilege($1::name, $2, 'TEMPORARY') as enter`,
    [user, database],
  )
  if (may?.enter === true) return
  await attempt(session, `let ${shown(user)} into the database ${shown(database)}`, () =>
    session.rows(`grant connect, temporary on database ${identifier(database)} to ${identifier(user)}`),
  )
}

/** Only the server's user and the admin may connect. */
async function closeDatabase(session: Session, { database, user }: SetUpPlan, admin: Admin): Promise<void> {
  const name = identifier(database)
  const work = () =>
    session.transaction(async () => {
      await becomeUser(session, user, admin)
      await session.rows(`grant connect, create on database ${name} to ${identifier(admin.name)}`)
      await session.rows(`revoke connect, temporary on database ${name} from public`)
    })
  await attempt(session, `close the database ${shown(database)} to others`, work)
}

/** Until the end of the transaction. A superuser needs no rights of the user. */
async function becomeUser(session: Session, user: string, { isSuperuser }: Admin): Promise<void> {
  if (!isSuperuser) await session.rows(`set local role ${identifier(user)}`)
}

/** On a connection of the admin to the database itself, in a transaction. */
export async function setUpSchemas(session: Session, plan: SetUpPlan): Promise<void> {
  for (const schema of plan.schemas) await setUpSchema(session, plan, schema)
}

type FoundSchema = { readonly owner: string; readonly mayCreate: boolean; readonly isOpen: boolean }

async function setUpSchema(session: Session, { user, report }: SetUpPlan, schema: string): Promise<void> {
  const [name, role] = [identifier(schema), identifier(user)]
  const [found] = await session.rows<FoundSchema>(
    `select pg_catalog.pg_get_userbyid(nspowner) as owner,
       pg_catalog.has_schema_privilege($2::name, oid, 'CREATE')
         and pg_catalog.has_schema_privilege($2::name, oid, 'USAGE') as "mayCreate",
       (select pg_catalog.pg_get_userbyid(datdba) = $2 from pg_catalog.pg_database where datname = current_database())
         and exists (select from pg_catalog.aclexplode(nspacl) where grantee = 0 and privilege_type = 'CREATE') as "isOpen"
     from pg_catalog.pg_namespace where nspname = $1`,
    [schema, user],
  )
  if (found === undefined) {
    await attempt(session, `create the schema ${shown(schema)} for ${shown(user)}`, () =>
      session.rows(`create schema ${name} authorization ${role}`),
    )
  } else if (!found.mayCreate) {
    await attempt(session, `let ${shown(user)} use the schema ${shown(schema)}, which ${shown(found.owner)} owns`, () =>
      session.rows(`grant usage, create on schema ${name} to ${role}`),
    )
  }
  if (found?.isOpen) {
    await attempt(session, `close the schema ${shown(schema)} to others`, () =>
      session.rows(`revoke create on schema ${name} from public`),
    )
  }
  report(`schema ${shown(schema)}: ${found === undefined ? 'made' : `was there, owned by ${shown(found.owner)}`}`)
  await grantLaterObjects(session, name, role)
}

/** What the admin will make there, a restored backup for example, can be used by the server. */
async function grantLaterObjects(session: Session, name: string, role: string): Promise<void> {
  const ahead = `alter default privileges in schema ${name} grant`
  await attempt(session, 'set default privileges', async () => {
    await session.rows(`${ahead} select, insert, update, delete on tables to ${role}`)
    await session.rows(`${ahead} usage, select, update on sequences to ${role}`)
    await session.rows(`${ahead} execute on functions to ${role}`)
  })
}
