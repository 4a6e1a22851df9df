/**
 * What agents and tools have in common: they are frozen, marked values that the server recognises by a symbol of the
 * global registry, so that a second copy of the SDK in a folder's own packages makes the same thing.
 * @module
 */
const MARK = Symbol.for('agentos.definition')

/** Marks and freezes a definition. */
export function define<T extends { readonly kind: string }>(definition: T): T {
  return Object.freeze(Object.defineProperty(definition, MARK, { value: true }))
}

/** Whether `value` was made by the SDK as a `kind`. */
export function isDefinition(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && MARK in value && 'kind' in value && value.kind === kind
}

/** @throws {TypeError} naming the first option that `what` does not know, and the nearest one that it does */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${what} takes one object of options`)
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = known.find((option) => option.toLowerCase() === name.toLowerCase().replaceAll(/[_-]/g, ''))
    throw new TypeError(
      near === undefined
        ? `${what} has no option "${name}"; it knows ${known.join(', ')}`
        : `${what} has no option "${name}"; did you mean "${near}"?`,
    )
  }
}
