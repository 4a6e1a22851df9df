/**
 * Where a text may be cut without tearing what people see as one character: an emoji with its skin colour, a letter
 * with its accents, a syllable of Hangul.
 * @module
 */
import type { Span } from './section.ts'

const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * The place nearest before or at `at` where a cut tears nothing.
 * @param from a place that is known to be one; the answer is never at or before it
 * @returns a place within a character when that character alone reaches from `from` past `at`, but never within a
 * surrogate pair
 */
export function cutBefore(text: string, from: number, at: number): number {
  if (at >= text.length) return text.length
  const { start } = characterAround(text, from, at)
  return start > from ? start : wholeCodePoint(text, from, at)
}

/** The place nearest after or at `at` where a cut tears nothing. `from` as above. */
export function cutAfter(text: string, from: number, at: number): number {
  if (at >= text.length) return text.length
  const { start, end } = characterAround(text, from, at)
  return start === at ? at : end
}

/** The character that `at` is in or begins. */
function characterAround(text: string, from: number, at: number): Span {
  if (at <= from || isPlainCut(text, at)) return { start: at, end: at }
  // Whether two code points belong together can depend on many before them: flags are counted in pairs.
  let anchor = at - 1
  while (anchor > from && !isPlainCut(text, anchor)) anchor -= 1
  const around = SEGMENTER.segment(text.slice(anchor, at + 64)).containing(at - anchor)
  if (around === undefined) return { start: at, end: at }
  const start = anchor + around.index
  return { start, end: start === at ? at : start + around.segment.length }
}

function wholeCodePoint(text: string, from: number, at: number): number {
  const isWithinPair = isLowSurrogate(text.charCodeAt(at)) && isHighSurrogate(text.charCodeAt(at - 1))
  if (!isWithinPair) return at
  return at - 1 > from ? at - 1 : at + 1
}

/** Whether the two units around `at` are known to be two characters, without looking further. */
function isPlainCut(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1)
  const after = text.charCodeAt(at)
  return isPlain(before) && isPlain(after) && !(before === 0x0d && after === 0x0a)
}

/** Letters, signs and ideographs that no rule of Unicode joins to a neighbour of the same kind (UAX 29, 3.1.1). */
function isPlain(unit: number): boolean {
  return (
    unit < 0x300 ||
    (unit >= 0x370 && unit <= 0x482) ||
    (unit >= 0x48a && unit <= 0x52f) ||
    (unit >= 0x3041 && unit <= 0x3096) ||
    (unit >= 0x30a1 && unit <= 0x30fa) ||
    (unit >= 0x3400 && unit <= 0x4dbf) ||
    (unit >= 0x4e00 && unit <= 0x9fff)
  )
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
