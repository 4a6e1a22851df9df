/**
 * Gives the `pooler` test project its PgBouncer and the PostgreSQL behind it: those of TEST_POSTGRES_URL and
 * TEST_POSTGRES_RAW_URL. Where only the first is set it is the server itself, and gets a PgBouncer for the run; where
 * neither is, both are started.
 * @module
 */
import type { TestProject } from 'vitest/node'
import { startPgbouncer } from '../pgbouncer.ts'
import { startPostgres } from '../postgres.ts'

/** @returns what stops the servers that were started */
export async function setup(project: TestProject) {
  await using started = new AsyncDisposableStack()
  const { TEST_POSTGRES_URL: given, TEST_POSTGRES_RAW_URL: givenRaw } = process.env
  const raw = givenRaw ?? given ?? started.use(await startPostgres()).url
  const pooled = given !== undefined && givenRaw !== undefined ? given : started.use(await startPgbouncer(raw)).url
  project.provide('postgresUrl', pooled)
  project.provide('postgresRawUrl', raw)
  const servers = started.move()
  return () => servers.disposeAsync()
}
