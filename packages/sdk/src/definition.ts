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
    const near = nearest(name, known)
    throw new TypeError(
      near === undefined
        ? `${what} has no option "${name}"; it knows ${known.join(', ')}`
        : `${what} has no option "${name}"; did you mean "${near}"?`,
    )
  }
}

/** A value as an error message can show it: short, and whatever it is. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    // Circular, or a BigInt somewhere inside.
    text = typeof value === 'bigint' ? `${value}n` : 'a value that JSON cannot show'
  }
  return text.length > 80 ? `${text.slice(0, 80)}...` : text
}

/** The known name that was most likely meant: another spelling of it, or at most two slips of the keyboard away. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, '')
  const ranked = known
    .map((option) => ({ option, slips: countSlips(plain(name), plain(option)) }))
    .toSorted((a, b) => a.slips - b.slips)
  const best = ranked[0]
  return best !== undefined && best.slips <= Math.min(2, name.length / 3) ? best.option : undefined
}

/** Letters to add, drop, change or swap with their neighbour to get from one text to the other (Damerau-Levenshtein). */
function countSlips(from: string, to: string): number {
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let done = 0; done < from.length; done++) {
    const next = [done + 1]
    for (let index = 0; index < to.length; index++) {
      const changed = (row[index] ?? 0) + (from[done] === to[index] ? 0 : 1)
      const isSwap = index > 0 && from[done] === to[index - 1] && from[done - 1] === to[index]
      const swapped = isSwap ? (before[index - 1] ?? 0) + 1 : Infinity
      next.push(Math.min((next[index] ?? 0) + 1, (row[index + 1] ?? 0) + 1, changed, swapped))
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}
