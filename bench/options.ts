/**
 * What a run of the bench is asked for.
 * @module
 */
export type Size = 'quick' | 'short' | 'full'

/** `quick` shows that everything works, `short` is the default, `full` takes as long as the targets' own conditions. */
export function sized<T>(size: Size, values: Readonly<Record<Size, T>>): T {
  return values[size]
}
