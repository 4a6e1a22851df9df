/**
 * Session state of one run: a mutable copy for the author's code, and afterwards the top-level keys that it changed.
 * Patches instead of whole states, so that runs of one session at the same time keep each other's keys.
 * @module
 */
import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts'
import type { StatePatch } from '../base/run.ts'

export type StateDiff = {
  readonly patch: StatePatch
  /** Why a key is left out of the patch, in one sentence each; empty when everything can be stored. */
  readonly problems: readonly string[]
}

/** A copy that agent code may change; the job's own stays as it was. */
export function copyState(state: JsonObject): Record<string, unknown> {
  return structuredClone<Record<string, unknown>>(state)
}

/** Compares deeply, key by key. A key that was set to `undefined` counts as removed. */
export function diffState(before: JsonObject, after: Readonly<Record<string, unknown>>): StateDiff {
  const set: [string, Json][] = []
  const problems: string[] = []
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue
    const problem = findNonJson(value, key)
    if (problem !== undefined) {
      problems.push(`sessionState.${problem}`)
      continue
    }
    // A copy, because agent code may still hold the value; `findNonJson` has just seen that it is JSON.
    const copy = JSON.parse(JSON.stringify(value)) as Json
    if (!Object.hasOwn(before, key) || !isDeepStrictEqual(before[key], copy)) set.push([key, copy])
  }
  const unset = Object.keys(before).filter((key) => after[key] === undefined)
  return { patch: { set: Object.fromEntries(set), unset }, problems }
}

/**
 * The first value inside `value` that JSON would lose or change, as "path is a what"; undefined when there is none.
 * Stricter than `JSON.stringify`, which writes a Map as `{}` and a Date as text without a word.
 */
export function findNonJson(value: unknown, path: string, seen: readonly object[] = []): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${path} is ${value}, which JSON cannot carry`
    case 'object':
      break
    default:
      return `${path} is a ${typeof value}, which JSON cannot carry`
  }
  if (value === null) return undefined
  if (seen.includes(value)) return `${path} refers to itself, which JSON cannot carry`
  if (seen.length > 200) return `${path} is nested more than 200 levels deep`
  const inside = [...seen, value]
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const problem = findNonJson(item, `${path}[${index}]`, inside)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) {
    return `${path} is a ${value.constructor?.name || 'class instance'}, which JSON cannot carry`
  }
  for (const [key, item] of Object.entries(value)) {
    const problem = findNonJson(item, `${path}.${key}`, inside)
    if (problem !== undefined) return problem
  }
  return undefined
}

/**
 * A copy of an option that has to be a JSON object.
 * @throws {TypeError} naming `what` and the first value that is not JSON
 */
export function toJsonObject(value: Readonly<Record<string, unknown>>, what: string): JsonObject {
  const problem = findNonJson(value, what)
  if (problem !== undefined) throw new TypeError(problem)
  const copy: unknown = JSON.parse(JSON.stringify(value))
  if (!isJsonObject(copy)) throw new TypeError(`${what} must be an object`)
  return copy
}
