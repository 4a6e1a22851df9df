/**
 * Times as Agno writes them.
 * @module
 */

/** ISO 8601 in whole seconds, as Agno writes times of rows. */
export function toIsoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Whole seconds since the epoch. */
export function toSeconds(date: Date): number
export function toSeconds(date: Date | null): number | null
export function toSeconds(date: Date | null): number | null {
  return date === null ? null : Math.floor(date.getTime() / 1000)
}
