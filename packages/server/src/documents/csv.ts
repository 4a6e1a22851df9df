/**
 * Reads comma-separated values (RFC 4180) record by record, and what is called so: other separators, line ends of any
 * kind, quotes where they do not belong. Linear in the length of the text.
 * @module
 */
const SEPARATORS = [',', ';', '\t', '|'] as const
/** What is looked at to find the separator. */
const SAMPLE_UNITS = 65_536
const SAMPLE_RECORDS = 20

/**
 * The separator that splits the first records into the most fields, and into equally many.
 * @returns a comma when none does
 */
export function guessSeparator(text: string): string {
  const sample = text.slice(0, SAMPLE_UNITS)
  const scores = SEPARATORS.map((separator) => ({ separator, score: scoreSeparator(sample, separator) }))
  return scores.reduce((best, next) => (next.score > best.score ? next : best)).separator
}

function scoreSeparator(sample: string, separator: string): number {
  const counts: number[] = []
  for (const record of readCsv(sample, separator)) {
    if (record.length > 1 || record[0] !== '') counts.push(record.length)
    if (counts.length >= SAMPLE_RECORDS) break
  }
  const first = counts[0] ?? 1
  if (first < 2) return 0
  return (counts.filter((count) => count === first).length / counts.length) * first
}

/** Records of fields, made as they are asked for. A quote that is never closed reaches to the end of the text. */
export function* readCsv(text: string, separator: string): Generator<string[]> {
  let record: string[] = []
  let at = 0
  while (at < text.length) {
    const field = text[at] === '"' ? readQuoted(text, at, separator) : readPlain(text, at, separator)
    record.push(field.value)
    at = field.end
    if (text[at] === separator) {
      at += 1
      // A separator at the end of the text has an empty field behind it.
      if (at < text.length) continue
      record.push('')
    } else if (at < text.length) at += text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1
    yield record
    record = []
  }
}

type Field = { readonly value: string; readonly end: number }

function readPlain(text: string, start: number, separator: string): Field {
  let end = start
  while (end < text.length && !isEnd(text.charAt(end), separator)) end += 1
  return { value: text.slice(start, end), end }
}

/** What stands between the closing quote and the separator belongs to the field as it is. */
function readQuoted(text: string, start: number, separator: string): Field {
  const parts: string[] = []
  let from = start + 1
  let quote = text.indexOf('"', from)
  while (quote !== -1 && text[quote + 1] === '"') {
    parts.push(text.slice(from, quote + 1))
    from = quote + 2
    quote = text.indexOf('"', from)
  }
  if (quote === -1) return { value: parts.join('') + text.slice(from), end: text.length }
  parts.push(text.slice(from, quote))
  const rest = readPlain(text, quote + 1, separator)
  return { value: parts.join('') + rest.value, end: rest.end }
}

function isEnd(sign: string, separator: string): boolean {
  return sign === separator || sign === '\n' || sign === '\r'
}
