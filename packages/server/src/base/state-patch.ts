/**
 * Changes of a session's state, key by key at its top level.
 * @module
 */
import type { JsonObject } from './json.ts'
import type { StatePatch } from './run.ts'

export const NO_PATCH: StatePatch = { set: {}, unset: [] }

/** The state a patch leaves; what it sets wins over what it removes. */
export function applyPatch(state: JsonObject, { set, unset }: StatePatch): JsonObject {
  const gone = new Set(unset)
  const kept = Object.entries(state).filter(([key]) => !gone.has(key))
  return Object.fromEntries([...kept, ...Object.entries(set)])
}
