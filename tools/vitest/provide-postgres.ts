/**
 * Gives the `postgres` test project its server: the one of TEST_POSTGRES_URL, or one that lives as long as the run.
 * @module
 */
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../postgres.ts'

/** @returns what stops the server again, where one was started */
export async function setup(project: TestProject) {
  const given = process.env['TEST_POSTGRES_URL']
  if (given) {
    project.provide('postgresUrl', given)
    return undefined
  }
  const server = await startPostgres()
  project.provide('postgresUrl', server.url)
  return async () => {
    await server[Symbol.asyncDispose]()
  }
}
