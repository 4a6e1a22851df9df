/**
 * Replicas as operators run them: the fleet of the end-to-end tests without their short leases.
 * @module
 */
import type { TestDatabase } from '../../e2e/database.ts'
import type { Env } from '../../e2e/server-process.ts'

/** Takes back what the tests hurry. */
export const DEFAULTS: Env = { AGENTOS_LEASE_MS: undefined, AGENTOS_QUEUE_POLL_MS: undefined }

/** A database that is not the fleet's to remove. */
export function fleetDatabase(url: string): TestDatabase {
  return { env: { POSTGRES_URL: url }, url, [Symbol.asyncDispose]: async () => {} }
}
