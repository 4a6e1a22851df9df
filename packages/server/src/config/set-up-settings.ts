/**
 * Settings of `agentos db-init`.
 * @module
 */
import { z } from 'zod'
import { list, ms, secret, setting, type Setting, text } from './setting.ts'

/** What `agentos db-init` is told; the names that begin with PG are libpq's. The server itself reads none of them. */
export const SET_UP_SETTINGS = {
  INITDB_ADMIN_URL: secret(
    'Database set-up',
    text().optional(),
    'URL of an admin, straight to PostgreSQL and with a database that exists: postgresql://admin:password@host:5432/postgres. Wins over the variables that begin with PG.',
  ),
  PGHOST: setting('Database set-up', text().optional(), 'Host, when there is no INITDB_ADMIN_URL.'),
  PGPORT: setting('Database set-up', z.coerce.number().int().min(1).max(65_535).default(5432), 'Port, with PGHOST.'),
  PGUSER: setting('Database set-up', z.string().min(1).optional(), 'Admin, with PGHOST; it need not be a superuser.'),
  PGPASSWORD: secret('Database set-up', z.string().min(1).optional(), 'Password of the admin, with PGHOST.'),
  PGDATABASE: setting(
    'Database set-up',
    z.string().min(1).default('postgres'),
    'A database that exists and that the admin may connect to, with PGHOST.',
  ),
  PGSSLMODE: setting(
    'Database set-up',
    z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']).default('prefer'),
    'Encryption of the connection, with PGHOST; verify-full proves that the server is the right one.',
  ),
  PGSSLROOTCERT: setting(
    'Database set-up',
    text().optional(),
    'File with the certificate authorities to trust, with PGHOST; system means those of the machine.',
  ),
  INITDB_DATABASE: setting('Database set-up', z.string().min(1), 'Database to make.'),
  INITDB_USER: setting('Database set-up', z.string().min(1), 'User to make, who will own it.'),
  INITDB_PASSWORD: secret('Database set-up', z.string().min(1), 'Password of that user, set by every run.'),
  INITDB_SCHEMAS: setting('Database set-up', list().default(['public', 'ai']), 'Schemas to make.'),
  INITDB_EXTENSIONS: setting(
    'Database set-up',
    list().default(['vector']),
    'Extensions to make and to bring up to date; none for none.',
  ),
  INITDB_WAIT_SECONDS: setting(
    'Database set-up',
    ms(1, 3600, 120),
    'How long to wait for the database, and then for another set-up.',
  ),
} as const satisfies Record<string, Setting>
