import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Chunker } from './chunkers/chunker.ts'
import { codeChunker } from './chunkers/code.ts'
import { markdownChunker } from './chunkers/markdown.ts'
import { documentChunker, fixedSizeChunker, recursiveChunker } from './chunkers/prose.ts'
import { rowChunker } from './chunkers/rows.ts'
import { cutAtLine, cutAtParagraph, cutAtSentence, cutAtSpace, inSecondHalf, splitText } from './split.ts'
import type { Piece, Span } from './section.ts'
import { cpuMs } from './testing/cpu-time.ts'

const CUTS = [cutAtParagraph, inSecondHalf(cutAtLine), cutAtSentence, cutAtSpace]
const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Texts as people write them, and as nobody does: words, line ends, emoji in families and flags, accents, lone halves. */
const anyText = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.lorem({ maxCount: 8 }) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(' ', '\n', '\n\n', '. ', '! ', '\t', '# Title\n', '```\n', '    code\n', '}\n'),
      },
      { weight: 2, arbitrary: fc.constantFrom('👩‍👩‍👧‍👦', '🇳🇴🇩🇪', 'e\u0301', '각', '你好世界。', '👍🏽', '\r\n', ' \u0301') },
      { weight: 1, arbitrary: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) },
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

const sizes = fc
  .record({ size: fc.integer({ min: 16, max: 200 }), share: fc.double({ min: 0, max: 0.99, noNaN: true }) })
  .map(({ size, share }) => ({ size, overlap: Math.floor(size * share) }))

test('leaves nothing out, keeps to the size and begins each span within the overlap of the one before', () => {
  fc.assert(
    fc.property(anyText, sizes, (text, { size, overlap }) => {
      const spans = [...splitText(text, { size, overlap, cuts: CUTS })]
      let end = 0
      let start = -1
      for (const span of spans) {
        expect(span.end - span.start).toBeLessThanOrEqual(size)
        expect(span.start).toBeLessThanOrEqual(end)
        expect(span.start).toBeGreaterThanOrEqual(end - overlap)
        expect(span.start).toBeGreaterThan(start)
        expect(span.end).toBeGreaterThan(end)
        ;({ start, end } = span)
      }
      expect(end).toBe(text.length)
    }),
    { numRuns: 400 },
  )
})

test('cuts between what people see as characters, unless one alone is longer than the size', () => {
  fc.assert(
    fc.property(anyText, sizes, (text, { size, overlap }) => {
      const graphemes = [...SEGMENTER.segment(text)]
      fc.pre(graphemes.every(({ segment }) => segment.length <= 11))
      const boundaries = new Set([...graphemes.map(({ index }) => index), text.length])
      const spans = [...splitText(text, { size: size + 12, overlap: Math.min(overlap, size - 12), cuts: CUTS })]
      for (const span of spans) expect([boundaries.has(span.start), boundaries.has(span.end)]).toEqual([true, true])
    }),
    { numRuns: 400 },
  )
})

test.each<[string, Chunker]>([
  ['FixedSizeChunker', fixedSizeChunker],
  ['RecursiveChunker', recursiveChunker],
  ['DocumentChunker', documentChunker],
  ['MarkdownChunker', markdownChunker],
  ['CodeChunker', codeChunker],
  ['RowChunker', rowChunker],
])('%s keeps every word, keeps to the size and says where each piece begins', async (_name, chunker) => {
  await fc.assert(
    fc.asyncProperty(anyText, fc.integer({ min: 16, max: 200 }), async (text, size) => {
      const pieces = await takeAll(chunker, text, size)
      expect(
        pieces
          .map((piece) => piece.text)
          .join('')
          .replace(/\s/g, ''),
      ).toBe(text.replace(/\s/g, ''))
      let last = -1
      for (const piece of pieces) {
        expect(piece.text.length).toBeLessThanOrEqual(size)
        expect(piece.text.trim()).not.toBe('')
        expect(piece.start).toBeGreaterThanOrEqual(last)
        last = piece.start
        // Rows are the only ones whose white space is changed.
        expect(chunker === rowChunker || text.startsWith(piece.text, piece.start)).toBe(true)
      }
    }),
    { numRuns: 150 },
  )
})

test.each([
  ['without a space', 'x'.repeat(1_000_000)],
  ['of spaces', ' '.repeat(1_000_000)],
  ['of emoji', '👩‍👩‍👧‍👦'.repeat(100_000)],
  ['of flags', '🇳🇴'.repeat(250_000)],
  ['of one letter with a million accents', `e${'\u0301'.repeat(1_000_000)}`],
  ['of hashes', '#'.repeat(1_000_000)],
])('cuts a line %s, a million units long, in time', async (_what, text) => {
  for (const chunker of [recursiveChunker, markdownChunker, codeChunker, rowChunker]) {
    const began = cpuMs()
    const pieces = await takeAll(chunker, text, 1000)
    expect(pieces.every((piece) => piece.text.length <= 1000)).toBe(true)
    expect(cpuMs() - began).toBeLessThan(5000)
  }
})

test('leaves out a piece of a row that is nothing but space', async () => {
  expect(await textsOf(rowChunker, 'id \u0301sapienfaucibus lacus', 16)).toEqual([
    'id',
    '\u0301sapienfaucibus',
    'lacus',
  ])
})

test('rather cuts between paragraphs than sentences, and sentences than words', async () => {
  const text = 'One two three. Four five.\n\nSix seven eight nine. Ten eleven twelve.'
  expect(await textsOf(documentChunker, text, 30)).toEqual([
    'One two three. Four five.',
    'Six seven eight nine.',
    'Ten eleven twelve.',
  ])
  expect(await textsOf(fixedSizeChunker, text, 30)).toEqual([
    'One two three. Four five.',
    'Six seven eight nine. Ten',
    'eleven twelve.',
  ])
})

test('cuts Markdown before headings, and takes no comment in a code block for one', async () => {
  const text = '# One\n\nfirst\n\n```sh\n# no heading\nls\n```\n\n## Two\n\nsecond'
  expect(await textsOf(markdownChunker, text, 50)).toEqual([
    '# One\n\nfirst\n\n```sh\n# no heading\nls\n```',
    '## Two\n\nsecond',
  ])
})

test('cuts code where a declaration begins and keeps its indentation', async () => {
  const text = 'import x\n\ndef one():\n    if x:\n\n        return 1\n\ndef two():\n    return 2\n'
  expect(await textsOf(codeChunker, text, 50)).toEqual([
    'import x\n\ndef one():\n    if x:\n\n        return 1',
    'def two():\n    return 2',
  ])
})

test('makes a chunk of each row, and several of one that is too long', async () => {
  expect(await textsOf(rowChunker, 'a,  b\n\nc\td', 100)).toEqual(['a, b', 'c d'])
  expect(await textsOf(rowChunker, 'one two three four five', 16)).toEqual(['one two three', 'four five'])
})

test('repeats whole words of the chunk before, up to the overlap', async () => {
  const spans: readonly Span[] = [
    ...splitText('alpha beta gamma delta epsilon', { size: 18, overlap: 8, cuts: [cutAtSpace] }),
  ]
  const text = 'alpha beta gamma delta epsilon'
  expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual([
    'alpha beta gamma ',
    'gamma delta ',
    'delta epsilon',
  ])
})

async function takeAll(chunker: Chunker, text: string, size: number): Promise<readonly Piece[]> {
  const pieces: Piece[] = []
  const { signal } = new AbortController()
  for await (const piece of chunker(text, { size, overlap: 0, ports: {}, signal })) pieces.push(piece)
  return pieces
}

async function textsOf(chunker: Chunker, text: string, size: number): Promise<readonly string[]> {
  return (await takeAll(chunker, text, size)).map((piece) => piece.text)
}
