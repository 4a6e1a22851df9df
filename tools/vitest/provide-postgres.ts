/**
 * Gives the `postgres` test project its server: the one of TEST_POSTGRES_URL, or one that lives as long as the run.
 * @module
 */
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../postgres.ts'
import { installPostgres, whyNoPostgres } from '../postgres-install.ts'

/** @returns what stops the server again, where one was started */
export async function setup(project: TestProject) {
  project.provide('psqlFolder', (await whyNoPostgres()) === undefined ? join(await installPostgres(18), 'bin') : '')
  const given = process.env['TEST_POSTGRES_URL']
  if (given) {
    provide(project, given)
    return undefined
  }
  const server = await startPostgres()
  provide(project, server.url)
  return async () => {
    await server[Symbol.asyncDispose]()
  }
}

function provide(project: TestProject, url: string): void {
  project.provide('postgresUrl', url)
  project.provide('postgresRawUrl', url)
}
