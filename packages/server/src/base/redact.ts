/**
 * Removes secrets from text before it reaches a log, an error or a client: by value for the secrets this process was
 * given, by shape for URLs, bearer tokens and provider keys. No I/O.
 * @module
 */
const MASK = '[redacted]'

/** Shapes of secrets: passwords in URLs, authorization headers, and the key prefixes of model providers. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#]*@/gi, `$1:${MASK}@`],
  [/\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}/gi, `$1 ${MASK}`],
  [/\b(sk|pk|rk|gsk|xai|AIza|ghp|gho|agno_pat)[-_][A-Za-z0-9_-]{8,}/g, MASK],
  [/\bAIza[A-Za-z0-9_-]{20,}/g, MASK],
]

export type Redact = (text: string) => string

/**
 * Builds the redactor of this process.
 * @param secrets values to remove wherever they occur; those shorter than 6 characters are ignored, because removing
 *   them would garble ordinary text
 */
export function createRedact(secrets: readonly string[]): Redact {
  const values = [...new Set(secrets)].filter((secret) => secret.length >= 6).toSorted((a, b) => b.length - a.length)
  return (text) => {
    let clean = text
    for (const value of values) clean = clean.replaceAll(value, MASK)
    for (const [shape, replacement] of SHAPES) clean = clean.replace(shape, replacement)
    return clean
  }
}
