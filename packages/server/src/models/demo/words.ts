/**
 * The little the demo model knows of language: which words carry meaning, which mean the same, and what kinds of things a
 * sentence names. Pure.
 * @module
 */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after all also am an and any are as at back be been before being but by can could current did do does doing
  don down each few first for from further get give given go had has have having he her here him his how i if in into is
  it its just let ll me more most must my new no nor not now of off ok on once one only or other our out over own per
  please re return returns s same say she should so some such t tell than that the their them then there these they this
  those to too under until up us use used user using ve very want was we were what when where which while who why will
  with would you your`.split(/\s+/),
)

/** Words for the same thing; the first stands for the others. */
const SYNONYMS: readonly (readonly string[])[] = [
  ['weather', 'forecast', 'temperature', 'rain', 'snow', 'sunny', 'wind', 'cold', 'warm', 'hot', 'degrees', 'umbrella'],
  [
    'calculate',
    'calculator',
    'compute',
    'sum',
    'plus',
    'minus',
    'times',
    'multiply',
    'divided',
    'divide',
    'subtract',
    'math',
    'arithmetic',
    'evaluate',
  ],
  ['time', 'clock', 'hour', 'oclock', 'timezone'],
  ['search', 'find', 'lookup', 'look', 'google', 'browse', 'query'],
  ['email', 'mail', 'send', 'message', 'notify'],
  ['remember', 'note', 'save', 'store', 'memorize', 'memo'],
  ['list', 'show', 'enumerate', 'display'],
  ['create', 'add', 'make', 'insert', 'open', 'book', 'schedule', 'register'],
  ['delete', 'remove', 'cancel', 'drop', 'clear', 'close'],
  ['update', 'change', 'edit', 'set', 'modify', 'rename'],
  ['translate', 'translation', 'translator'],
  ['convert', 'conversion', 'converter', 'exchange'],
  ['price', 'cost', 'quote', 'stock', 'worth'],
  ['random', 'dice', 'roll', 'coin', 'flip'],
  ['count', 'number', 'many'],
]
const CANONICAL: ReadonlyMap<string, string> = new Map(
  SYNONYMS.flatMap((words) => words.map((word) => [stem(word), stem(words[0] ?? word)] as const)),
)

/** Lower-case words of `text`; names in snake_case and camelCase come apart. */
export function wordsOf(text: string): readonly string[] {
  const apart = text.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
  return apart.match(/[\p{L}\p{N}]+/gu) ?? []
}

/** The words of `text` that carry meaning, stemmed, each once. */
export function termsOf(text: string): ReadonlySet<string> {
  return new Set(
    wordsOf(text)
      .filter((word) => word.length > 1 && !STOP_WORDS.has(word))
      .map(stem),
  )
}

/** The word that stands for `term` and its synonyms. */
export function canonical(term: string): string {
  return CANONICAL.get(term) ?? term
}

/** Without the commonest English endings. */
export function stem(word: string): string {
  if (word.length > 5 && word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (word.length > 5 && word.endsWith('ing')) return word.slice(0, -3)
  if (word.length > 4 && /[^s]s$/.test(word)) return word.slice(0, -1)
  return word
}

const NUMBER_WORDS: readonly string[] = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ')

export type Found = { readonly value: number; readonly before: string; readonly after: string }

/** The numbers of `text` in order, each with the word before and after it. */
export function numbersOf(text: string): readonly Found[] {
  const pattern = new RegExp(`(?<![\\w.#])(-?\\d+(?:\\.\\d+)?|${NUMBER_WORDS.slice(2).join('|')})(?![\\w])`, 'gi')
  return [...text.matchAll(pattern)].map((match) => {
    const word = match[0].toLowerCase()
    const index = NUMBER_WORDS.indexOf(word)
    return {
      value: index >= 0 ? index : Number(word),
      before: wordsOf(text.slice(0, match.index)).at(-1) ?? '',
      after: wordsOf(text.slice(match.index + match[0].length))[0] ?? '',
    }
  })
}

/** What stands in quotation marks. */
export function quotesOf(text: string): readonly string[] {
  const pattern = /"([^"]+)"|“([^”]+)”|«([^»]+)»|(?<!\w)'([^']+)'(?!\w)|`([^`]+)`/g
  return [...text.matchAll(pattern)].map((match) => match.slice(1).find((group) => group !== undefined) ?? '')
}

/** `text` in lower case with operators as symbols: `3 times 4` is `3 * 4`, `17% of 2,350` is `17 / 100 * 2350`. */
function withOperators(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/(?<=\d),(?=\d{3}(?!\d))/g, '')
    .replaceAll(/(?<=\d)\s*(?:%|\bper ?cent\b)\s*of\s+(?=[\d(])/g, ' / 100 * ')
    .replaceAll(/(?<=[\d)]\s*)\bplus\b(?=\s*[\d(-])/g, '+')
    .replaceAll(/(?<=[\d)]\s*)\bminus\b(?=\s*[\d(-])/g, '-')
    .replaceAll(/(?<=[\d)]\s*)\b(?:times|multiplied by)\b(?=\s*[\d(-])/g, '*')
    .replaceAll(/(?<=[\d)]\s*)\b(?:divided by|over)\b(?=\s*[\d(-])/g, '/')
    .replaceAll('×', '*')
    .replaceAll('÷', '/')
    .replaceAll(/(\d)\s*x\s*(?=\d)/g, '$1 * ')
}

/** The longest arithmetic expression in `text`, words for operators translated; undefined without an operator. */
export function expressionOf(text: string): string | undefined {
  const found = withOperators(text).match(/(?<![-(])[-(]*\d[\d\s.()]*(?:[-+*/^%][\d\s.()-]*\d[\s.)]*)+/g) ?? []
  const longest = found.map((part) => part.trim().replace(/\.$/, '')).sort((a, b) => b.length - a.length)[0]
  // 2026-01-15 and 555-1234 are not subtractions.
  const isNumberWithDashes =
    longest !== undefined && /^\d+(?:-\d+)+$/.test(longest) && !/^\d{1,3}-\d{1,3}$/.test(longest)
  return isNumberWithDashes ? undefined : longest
}

/** `text` without the words that only join the numbers of an expression. */
export function withoutOperatorWords(text: string): string {
  return expressionOf(text) === undefined ? text : withOperators(text)
}

const NOT_NAMES: ReadonlySet<string> = new Set(
  `i hi hello hey please what when where which who why how is are can could do does tell show give find search get the a
  an and monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
  september october november december today tomorrow yesterday remember my calculate compute convert translate send
  create make list add delete remove in on at for from to with use let thanks thank ok yes no celsius fahrenheit`.split(
    /\s+/,
  ),
)

/** Capitalised names in `text`, longest runs of them: `New York`, `Ada Lovelace`. */
export function namesOf(text: string): readonly string[] {
  const words = text.trim().split(/\s+/)
  // The first word of a sentence has its capital anyway.
  const opener = words.length > 3 && !/^\p{Lu}/u.test(words[1] ?? '') ? (words[0] ?? '') : ''
  const runs =
    text
      .trim()
      .slice(opener.length)
      .match(/\p{Lu}[\p{L}'’-]*(?:\s+(?:(?:de|da|del|la|van|von|of)\s+)?\p{Lu}[\p{L}'’-]*)*/gu) ?? []
  return runs.flatMap((run) => {
    const words = run.split(/\s+/)
    while (words.length > 0 && NOT_NAMES.has((words[0] ?? '').toLowerCase())) words.shift()
    while (words.length > 0 && NOT_NAMES.has((words.at(-1) ?? '').toLowerCase())) words.pop()
    return words.length === 0 ? [] : [words.join(' ').replace(/['’]s$/, '')]
  })
}

/** Names after one of `prepositions`, also in lower case (`in oslo`), where a list (`Oslo and Bergen`) gives several. */
export function placesOf(text: string, prepositions: readonly string[]): readonly string[] {
  const pattern = new RegExp(
    `\\b(?:${prepositions.join('|')})\\s+((?:the\\s+)?[\\p{L}'’-]+(?:[ ]+\\p{Lu}[\\p{L}'’-]*)*(?:\\s*(?:,|and|or|&)\\s*(?:in\\s+)?\\p{Lu}[\\p{L}'’-]*(?:[ ]+\\p{Lu}[\\p{L}'’-]*)*)*)`,
    'giu',
  )
  // The i flag would also match lower case where a capital is asked for, so the list is cut at the first such word.
  return [...text.matchAll(pattern)].flatMap((match) => splitPlaces(match[1] ?? ''))
}

function splitPlaces(list: string): readonly string[] {
  const parts = list.split(/\s*(?:,|&|\b(?:and|or)\b)\s*/)
  return parts.flatMap((part, index) => {
    const words = part.replace(/^(?:in|the)\s+/i, '').split(/\s+/)
    const capitals = words.findIndex((word) => !/^\p{Lu}/u.test(word))
    const run = capitals < 0 ? words : words.slice(0, Math.max(capitals, index === 0 ? 1 : 0))
    const name = run.join(' ').replace(/['’]s$/, '')
    const known = NOT_NAMES.has(name.toLowerCase()) || STOP_WORDS.has(name.toLowerCase()) || name.length < 2
    return known ? [] : [capitalise(name)]
  })
}

export function capitalise(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
