/**
 * Reads variables by a table of settings, and finds those that were probably meant to be in it.
 * @module
 */
import type { z } from 'zod'

type Variables = Readonly<Record<string, string | undefined>>
type Table = Readonly<Record<string, { readonly schema: z.ZodType; readonly secret?: true }>>

/** @returns a value or a problem for each setting; an empty variable counts as unset, and no secret is repeated */
export function parseSettings(table: Table, given: Variables) {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const [name, { schema, secret }] of Object.entries(table)) {
    const raw = given[name] === '' ? undefined : given[name]
    const parsed = schema.safeParse(raw)
    if (parsed.success) values[name] = parsed.data
    else if (raw === undefined) problems.push(`${name}: required`)
    else {
      const shown = secret ? '' : `, got ${JSON.stringify(raw)}`
      problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}${shown}`)
    }
  }
  return { values, problems }
}

/** One problem for each variable that begins with `prefix` and is not in the table. */
export function unknownSettings(given: Variables, prefix: string, known: readonly string[]): string[] {
  return Object.keys(given)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .map((name) => {
      const near = known.map((other) => ({ other, far: distance(name, other) })).toSorted((a, b) => a.far - b.far)[0]
      const hint = near !== undefined && near.far <= 3 ? `; did you mean ${near.other}?` : ''
      return `${name}: unknown setting${hint}`
    })
}

/** Levenshtein distance of two short names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
