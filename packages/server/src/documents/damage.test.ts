import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeDocx, makePdf, makePptx, makeXlsx } from './testing/files.ts'
import { failureOf, readAll, upload } from './testing/read.ts'

const FILES: Readonly<Record<string, Buffer>> = {
  'a.docx': makeDocx('<w:p><w:r><w:t>Some text</w:t></w:r></w:p>'.repeat(5)),
  'a.pptx': makePptx([{ title: 'One', lines: ['a', 'b'], notes: 'c' }]),
  'a.xlsx': makeXlsx(
    [{ name: 'a', rows: '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>1</v></c></row>' }],
    ['x'],
  ),
  'a.pdf': makePdf(['Some text', 'More text']),
}

const damage = fc.record({
  flips: fc.array(
    fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), byte: fc.integer({ min: 0, max: 255 }) }),
    { maxLength: 8 },
  ),
  share: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
})

test.each(Object.keys(FILES))('reads a damaged %s, or says what is wrong with it', async (name) => {
  const whole = FILES[name] ?? Buffer.of()
  await fc.assert(
    fc.asyncProperty(damage, async ({ flips, share }) => {
      const bytes = Buffer.from(whole)
      for (const { at, byte } of flips) bytes.writeUInt8(byte, Math.floor(at * bytes.length))
      const failure = await failureOf(readAll(upload(name, bytes.subarray(0, Math.ceil(share * bytes.length)))))
      expect(failure).toMatch(/^no failure$|^DOCUMENT_[A-Z_]+: [^\n]+$/)
    }),
    { numRuns: 150 },
  )
})

test.each(['a.html', 'a.csv', 'a.json', 'a.md', 'a.txt', 'a', 'a.pdf'])(
  'reads anything that is called %s, or says what is wrong with it',
  async (name) => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({
        unit: fc.constantFrom(
          '<',
          '>',
          '"',
          "'",
          '/',
          '&',
          '[',
          ']',
          '{',
          '}',
          ',',
          ':',
          '#',
          '`',
          '\n',
          ' ',
          'p',
          '1',
          '\\',
          '=',
        ),
        maxLength: 200,
      }),
    )
    await fc.assert(
      fc.asyncProperty(content, async (bytes) => {
        expect(await failureOf(readAll(upload(name, bytes)))).toMatch(/^no failure$|^DOCUMENT_[A-Z_]+: [^\n]+$/)
      }),
      { numRuns: 200 },
    )
  },
)
