/**
 * Changes of a session's state, key by key at its top level; and what a caller lays over it, key by key at any depth.
 * @module
 */
import { isJsonObject, type JsonObject } from './json.ts'
import type { StatePatch } from './run.ts'

export const NO_PATCH: StatePatch = { set: {}, unset: [] }

/** The state a patch leaves; as in the database, what it removes is gone, whatever it sets. */
export function applyPatch(state: JsonObject, { set, unset }: StatePatch): JsonObject {
  const gone = new Set(unset)
  return Object.fromEntries(Object.entries({ ...state, ...set }).filter(([key]) => !gone.has(key)))
}

/** `state` with `given` over it: objects are joined, key by key, at any depth; all else of `given` takes its place. */
export function mergeState(state: JsonObject, given: JsonObject): JsonObject {
  const merged = Object.entries(given).map(([key, value]) => {
    const before = Object.hasOwn(state, key) ? state[key] : undefined
    return [key, isJsonObject(before) && isJsonObject(value) ? mergeState(before, value) : value] as const
  })
  return { ...state, ...Object.fromEntries(merged) }
}
