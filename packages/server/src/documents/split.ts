/**
 * Cuts a text into spans of a size at most, at the places that a chunker prefers. Every chunker but that of rows rests
 * on this, so that the promises are kept in one place: nothing of the text is left out, no span is longer than the
 * size, and each begins within the overlap before the end of the one before it.
 *
 * A cut is only looked for in the stretch where the next one may be, so the time grows with the text, whatever is in it.
 * @module
 */
import { cutAfter, cutBefore } from './graphemes.ts'
import type { Span } from './section.ts'

/** The last place to cut after `least` and not after `most`; -1 when there is none. */
export type FindCut = (text: string, least: number, most: number) => number

export type SplitOptions = {
  /** Longest span, in UTF-16 units; 16 or more. */
  readonly size: number
  /** Less than `size`; one that leaves no room to go on counts as a little less. */
  readonly overlap: number
  /** The first that finds one has its way; when none does, the cut is between two characters. */
  readonly cuts: readonly FindCut[]
}

/** How much further every span ends than the one before it, at least: room for a cut between two characters. */
const LEAST_STEP = 8

/** How far the start of an overlap is moved to begin with a word. */
const WORD_REACH = 40

/** Spans of `text`, in order. A character that is longer than the size is torn; nothing else is. */
export function* splitText(text: string, given: SplitOptions): Generator<Span> {
  const { size } = given
  const overlap = Math.min(given.overlap, size - LEAST_STEP)
  const options = { ...given, overlap }
  let start = 0
  while (text.length - start > size) {
    const end = findEnd(text, start, options)
    yield { start, end }
    start = overlap === 0 ? end : startOfOverlap(text, start, end, overlap)
  }
  if (start < text.length) yield { start, end: text.length }
}

function findEnd(text: string, start: number, { size, overlap, cuts }: SplitOptions): number {
  const most = start + size
  // A span that ended within its own overlap would begin the next one where it began itself.
  const least = start + overlap
  for (const find of cuts) {
    const found = find(text, least, most)
    const cut = found > least ? cutBefore(text, start, found) : -1
    if (cut > least) return cut
  }
  const cut = cutBefore(text, start, most)
  return cut > least ? cut : cutBefore(text, least, most)
}

function startOfOverlap(text: string, start: number, end: number, overlap: number): number {
  const from = end - overlap
  const reach = Math.min(WORD_REACH, Math.floor(overlap / 2))
  // The sign before it counts: after a space it begins with a word already.
  const space = /\s/.exec(text.slice(from - 1, from + reach))
  return Math.min(end, cutAfter(text, start, space === null ? from : from + space.index))
}

/** After the last `separator`. */
function cutAfterLast(separator: string): FindCut {
  return (text, least, most) => {
    const found = text.slice(least, most).lastIndexOf(separator)
    return found === -1 ? -1 : least + found + separator.length
  }
}

/** At the last of `places`, which are in order. */
export function cutAtPlaces(places: readonly number[]): FindCut {
  return (_text, least, most) => {
    let low = 0
    let high = places.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((places[middle] ?? 0) <= most) low = middle + 1
      else high = middle
    }
    const last = places[low - 1]
    return last !== undefined && last > least ? last : -1
  }
}

/** Only where it leaves at least half of the size; a chunk of a few words helps nobody. */
export function inSecondHalf(find: FindCut): FindCut {
  return (text, least, most) => find(text, Math.max(least, Math.floor((least + most) / 2)), most)
}

export const cutAtParagraph = cutAfterLast('\n\n')
export const cutAtLine = cutAfterLast('\n')

/** After a full stop and the space behind it, or after one of the full stops that need no space. */
export const cutAtSentence: FindCut = (text, least, most) => {
  for (let at = most; at > least; at--) {
    const before = text.charAt(at - 1)
    if ('。！？'.includes(before)) return at
    if (isSpace(before) && '.!?'.includes(lastSign(text, at - 2, least))) return at
  }
  return -1
}

/** After white space. */
export const cutAtSpace: FindCut = (text, least, most) => {
  for (let at = most; at > least; at--) if (isSpace(text.charAt(at - 1))) return at
  return -1
}

/** The sign at `at`, or before the closing quotes and brackets that end there; a space when it is not after `least`. */
function lastSign(text: string, at: number, least: number): string {
  let place = at
  while (place > least && place > at - 3 && '"\')]”’»'.includes(text.charAt(place))) place -= 1
  return place > least ? text.charAt(place) : ' '
}

function isSpace(sign: string): boolean {
  return sign === ' ' || sign === '\n' || sign === '\t' || sign === '\u3000'
}
