/**
 * What agent code threw, in words: it may be anything, not only an Error.
 * @module
 */

/** The message of an error, never its stack; for other values what they say of themselves. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message
  if (typeof thrown === 'string') return thrown
  if (typeof thrown !== 'object' || thrown === null) return String(thrown)
  try {
    return JSON.stringify(thrown) ?? 'an object'
  } catch {
    // Circular and alike: that something was thrown is all there is to say.
    return 'an object'
  }
}

/** For the log: the stack where there is one. */
export function describeStack(thrown: unknown): string {
  return thrown instanceof Error && thrown.stack !== undefined ? thrown.stack : describeError(thrown)
}
