/**
 * A text that matches a simple regular expression: literals, classes, groups, alternatives and counts. Look-around and
 * back references are passed over, so the result may not match; it is an example, not a proof.
 * @module
 */
const CLASSES: Readonly<Record<string, string>> = { d: '1', D: 'a', w: 'a', W: '-', s: ' ', S: 'a', b: '', B: '' }

type Parsed = { readonly text: string; readonly next: number }

/**
 * @param pattern source of a regular expression
 * @returns the empty text when it is none
 */
export function synthesize(pattern: string): string {
  return isExpression(pattern) ? alternatives(pattern, 0).text : ''
}

function isExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp
  } catch {
    // A schema may carry the dialect of another language.
    return false
  }
}

function alternatives(pattern: string, start: number): Parsed {
  let text = ''
  let at = start
  while (at < pattern.length && pattern[at] !== ')' && pattern[at] !== '|') {
    const piece = atom(pattern, at)
    const times = counts(pattern, piece.next)
    text += piece.text.repeat(times.least)
    at = times.next
  }
  // The first alternative will do: skip to the end of the group.
  while (at < pattern.length && pattern[at] !== ')') at = pattern[at] === '|' ? at + 1 : atom(pattern, at).next
  return { text, next: at }
}

function atom(pattern: string, at: number): Parsed {
  const char = pattern[at] ?? ''
  if (char === '^' || char === '$') return { text: '', next: at + 1 }
  if (char === '.') return { text: 'a', next: at + 1 }
  if (char === '[') return characterClass(pattern, at)
  if (char === '\\') {
    const escaped = pattern[at + 1] ?? ''
    return { text: CLASSES[escaped] ?? escaped, next: at + 2 }
  }
  if (char !== '(') return { text: char, next: at + 1 }
  const head = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(pattern.slice(at))?.[0] ?? '('
  const inner = alternatives(pattern, at + head.length)
  const looksAround = /^\(\?(?:[=!]|<[=!])/.test(head)
  return { text: looksAround ? '' : inner.text, next: inner.next + 1 }
}

function characterClass(pattern: string, at: number): Parsed {
  const end = closingBracket(pattern, at)
  const body = pattern.slice(at + 1, end)
  if (body.startsWith('^')) {
    const excluded = new RegExp(pattern.slice(at, end + 1))
    return { text: 'a A 1 - _ . x'.split(' ').find((char) => excluded.test(char)) ?? 'a', next: end + 1 }
  }
  const first = body[0] === '\\' ? (CLASSES[body[1] ?? ''] ?? body[1] ?? '') : (body[0] ?? '')
  return { text: first, next: end + 1 }
}

function closingBracket(pattern: string, at: number): number {
  let end = at + 1
  while (end < pattern.length && pattern[end] !== ']') end += pattern[end] === '\\' ? 2 : 1
  return end
}

function counts(pattern: string, at: number): { readonly least: number; readonly next: number } {
  const quantifier = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/.exec(pattern.slice(at))
  if (quantifier === null) return { least: 1, next: at }
  const [whole, least] = quantifier
  const fewest = least === undefined ? (whole.startsWith('+') ? 1 : 0) : Number(least)
  return { least: Math.min(fewest, 1000), next: at + whole.length }
}
