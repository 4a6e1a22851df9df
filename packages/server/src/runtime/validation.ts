/**
 * The outcome of checking a value against a schema, in words that a model or a person can act on.
 * @module
 */
export type Issue = {
  /** Where, as `items[0].price`; empty for the value itself. */
  readonly path: string
  readonly message: string
}

export type Validation =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly Issue[] }

const MOST_ISSUES = 20

/** Issues as lines, `- items[0].price: expected number`; at most twenty. */
export function describeIssues(issues: readonly Issue[]): string {
  const lines = issues
    .slice(0, MOST_ISSUES)
    .map(({ path, message }) => `- ${path === '' ? message : `${path}: ${message}`}`)
  if (issues.length > MOST_ISSUES) lines.push(`- and ${issues.length - MOST_ISSUES} more`)
  return lines.join('\n')
}

/** `['items', 0, 'price']` as `items[0].price`. */
export function writePath(steps: readonly PropertyKey[]): string {
  return steps.reduce<string>((path, step) => {
    if (typeof step === 'number') return `${path}[${step}]`
    return path === '' ? String(step) : `${path}.${String(step)}`
  }, '')
}
