/**
 * Changes of a session's state, key by key at its top level.
 * @module
 */
import type { JsonObject } from './json.ts'
import type { StatePatch } from './run.ts'

export const NO_PATCH: StatePatch = { set: {}, unset: [] }

/** The state a patch leaves; as in the database, what it removes is gone, whatever it sets. */
export function applyPatch(state: JsonObject, { set, unset }: StatePatch): JsonObject {
  const gone = new Set(unset)
  return Object.fromEntries(Object.entries({ ...state, ...set }).filter(([key]) => !gone.has(key)))
}
