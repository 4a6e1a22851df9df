/**
 * Removes secrets from text before it reaches a log, an error or a client: by value for the secrets this process was
 * given, by shape for URLs, bearer tokens and provider keys. No I/O.
 * @module
 */
const MASK = '[redacted]'

const PASSWORD_IN_URL = /([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#]*@/gi
/** Other shapes of secrets: authorization headers, and the key prefixes of model providers. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}/gi, `$1 ${MASK}`],
  [/\b(sk|pk|rk|gsk|xai|AIza|ghp|gho|agno_pat)[-_][A-Za-z0-9_-]{8,}/g, MASK],
  [/\bAIza[A-Za-z0-9_-]{20,}/g, MASK],
]

/** Learned secrets that are kept. A password that rotates every hour is known for four days. */
const MAX_LEARNED = 100

export type Redact = (text: string) => string

export type LearningRedact = {
  readonly redact: Redact
  /** Removes `secret` too, from now on. The last 100 that were named are known, beside those of the start. */
  readonly learn: (secret: string) => void
}

/** A redactor for secrets that come one by one, as rotated passwords do: those before may still stand somewhere. */
export function createLearningRedact(secrets: readonly string[]): LearningRedact {
  const learned = new Set<string>()
  let current = createRedact(secrets)
  return {
    redact: (text) => current(text),
    learn(secret) {
      const isKnown = learned.delete(secret)
      learned.add(secret)
      if (isKnown) return
      const [oldest] = learned
      if (learned.size > MAX_LEARNED && oldest !== undefined) learned.delete(oldest)
      current = createRedact([...secrets, ...learned])
    },
  }
}

/**
 * Builds the redactor of this process. A secret is found as it is, within JSON, and percent-encoded as in a URL.
 * @param secrets values to remove wherever they occur; those shorter than 6 characters are ignored, because removing
 *   them would garble ordinary text
 */
export function createRedact(secrets: readonly string[]): Redact {
  const values = [...new Set(secrets)].filter((secret) => secret.length >= 6)
  const longestFirst = values.toSorted((a, b) => b.length - a.length)
  const escaped = longestFirst.flatMap(escapedForms)
  const encoded = longestFirst.map(percentEncoded)
  return (text) => {
    let clean = text
    // The longer forms first: what is left of them would not be found any more.
    for (const form of escaped) clean = clean.replaceAll(form, MASK)
    if (clean.includes('%')) for (const pattern of encoded) clean = clean.replace(pattern, MASK)
    for (const value of longestFirst) clean = clean.replaceAll(value, MASK)
    // Every letter could begin a URL, so looking for one is the dear part.
    if (clean.includes('://')) clean = clean.replace(PASSWORD_IN_URL, `$1:${MASK}@`)
    for (const [shape, replacement] of SHAPES) clean = clean.replace(shape, replacement)
    return clean
  }
}

/** How JSON writes a value, and JSON within JSON, where that is not as it is; the longer one first. */
function escapedForms(value: string): string[] {
  const inJson = JSON.stringify(value).slice(1, -1)
  return inJson === value ? [] : [JSON.stringify(inJson).slice(1, -1), inJson]
}

/** Whoever writes a URL may encode any of its bytes, and hex digits are of either case. */
function percentEncoded(value: string): RegExp {
  const characters = Array.from(value, (character) => {
    const bytes = [...new TextEncoder().encode(character)]
    const hex = bytes.map((byte) => `%${byte.toString(16).padStart(2, '0').replaceAll(/[a-f]/g, eitherCase)}`).join('')
    return `(?:${hex}|${RegExp.escape(character)}${character === ' ' ? String.raw`|\+` : ''})`
  })
  return new RegExp(characters.join(''), 'g')
}

function eitherCase(digit: string): string {
  return `[${digit}${digit.toUpperCase()}]`
}
