/**
 * Whether this replica should get traffic, and why not.
 * @module
 */
import type { Readiness } from '../http/deps.ts'
import type { Registry } from '../loader/registry.ts'

/** @param databaseProblem why the database cannot be used; undefined while it answers */
export function describeReadiness(
  draining: boolean,
  databaseProblem: string | undefined,
  registry: Registry,
): Readiness {
  const reasons: Record<string, string> = {}
  if (draining) reasons['server'] = 'the server is stopping'
  if (databaseProblem !== undefined) reasons['database'] = databaseProblem
  const { loaded, state, error } = registry.status()
  if (loaded === null) {
    reasons['agents'] = error ?? (state === 'loading' ? 'the agents are still loading' : 'no agents are loaded')
  }
  return { ready: Object.keys(reasons).length === 0, startup: state !== 'loading' || loaded !== null, reasons }
}
