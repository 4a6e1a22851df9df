import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { makeDocx, makeEncryptedPdf, makePdf, makePptx, makeXlsx, makeZip } from '../testing/files.ts'
import { failureOf, readAll, upload } from '../testing/read.ts'

test('reads a PDF page by page', async () => {
  const chunks = await readAll(upload('report.pdf', makePdf(['First page', null, 'Third page'])))
  expect(chunks).toEqual([
    { index: 0, text: 'First page', metadata: { page: 1 } },
    { index: 1, text: 'Third page', metadata: { page: 3 } },
  ])
})

test('reads paragraphs, lists and tables of a Word document, and knows their heading', async () => {
  const paragraph = (text: string, style = '') => `<w:p><w:pPr>${style}</w:pPr><w:r><w:t>${text}</w:t></w:r></w:p>`
  const cell = (text: string) => `<w:tc>${paragraph(text)}</w:tc>`
  const body =
    paragraph('Überblick', '<w:pStyle w:val="berschrift1"/>') +
    '<w:p><w:r><w:t xml:space="preserve">One </w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>&lt;two&gt;</w:t><w:tab/><w:t>three</w:t></w:r></w:p>' +
    paragraph('item', '<w:numPr/>') +
    `<w:tbl><w:tr>${cell('a')}${cell('b')}</w:tr><w:tr>${cell('1')}${cell('2')}</w:tr></w:tbl>` +
    '<w:p><w:r><mc:AlternateContent><mc:Choice><w:t>box</w:t></mc:Choice><mc:Fallback><w:t>box</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>'
  expect(await readAll(upload('a.docx', makeDocx(body)))).toEqual([
    {
      index: 0,
      text: 'Überblick\n\nOne <two>\tthree\n\n- item\n\na | b\n1 | 2\n\nbox',
      metadata: { heading: 'Überblick' },
    },
  ])
})

test('reads slides in their order, with their notes', async () => {
  const file = makePptx([
    { title: 'Second', lines: ['b'], notes: 'say it slowly' },
    { title: 'First', lines: ['a &amp; b'] },
  ])
  const chunks = await readAll({ ...upload('a.pptx', file), chunkSize: 40 })
  expect(chunks).toEqual([
    { index: 0, text: 'Slide 1:\nFirst\na & b', metadata: { slide: 1, heading: 'First' } },
    {
      index: 1,
      text: 'Slide 2:\nSecond\nb\n\nNotes: say it slowly'.slice(0, 18).trim(),
      metadata: { slide: 2, heading: 'Second' },
    },
    { index: 2, text: 'Notes: say it slowly', metadata: { slide: 2, heading: 'Second' } },
  ])
})

test('reads the values of a workbook as they are meant: strings, dates, numbers, rows that are left out', async () => {
  const prices =
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>Since</t></is></c></row>' +
    '<row r="4"><c r="A4"><v>0.30000000000000004</v></c><c r="C4" s="1"><v>45000</v></c><c r="D4" s="2"><v>45000.75</v></c></row>' +
    '<row r="90"><c r="B90" t="b"><v>1</v></c><c r="C90" t="e"><v>#DIV/0!</v></c></row>'
  const file = makeXlsx(
    [
      { name: 'Prices', rows: prices },
      { name: 'Empty', rows: '' },
      { name: 'Other', rows: '<row><c t="str"><v>last</v></c></row>' },
    ],
    ['Item'],
  )
  expect(await readAll(upload('a.xlsx', file))).toEqual([
    { index: 0, text: 'Item, , Since', metadata: { sheet: 'Prices', row: 1 } },
    { index: 1, text: '0.3, , 2023-03-15, 2023-03-15T18:00:00', metadata: { sheet: 'Prices', row: 4 } },
    { index: 2, text: ', TRUE, #DIV/0!', metadata: { sheet: 'Prices', row: 90 } },
    { index: 3, text: 'last', metadata: { sheet: 'Other', row: 1 } },
  ])
})

test('reads a table row by row, or as fields with their names', async () => {
  const file = 'unit_name;price\n"Ap;ple";1,5\n"two\nlines";\n'
  expect((await readAll(upload('a.csv', file))).map(({ text, metadata }) => [text, metadata.row])).toEqual([
    ['unit_name, price', 1],
    ['Ap;ple, 1,5', 2],
    ['two lines', 3],
  ])
  const labeled = await readAll({ ...upload('a.csv', file), reader: 'field_labeled_csv' })
  expect(labeled.map(({ text, metadata }) => [text, metadata.row])).toEqual([
    ['Unit Name: Ap;ple\nPrice: 1,5', 2],
    ['Unit Name: two lines', 3],
  ])
})

test('knows the row of every chunk of a table, however it is cut', async () => {
  const rows = Array.from({ length: 2500 }, (_, index) => `row ${index + 1},x`).join('\n')
  const chunks = await readAll({ ...upload('a.csv', rows), chunker: 'RecursiveChunker', chunkSize: 100 })
  for (const { text, metadata } of chunks) expect(text.startsWith(`row ${metadata.row},`)).toBe(true)
  expect(chunks.map(({ text }) => text).join('\n')).toBe(rows.replaceAll(',x', ', x'))
})

test('reads each item of a JSON list by itself, and each line of JSON Lines', async () => {
  const texts = async (name: string, content: string) => (await readAll(upload(name, content))).map(({ text }) => text)
  expect(await texts('a.json', '[{"a":1}, "two", [3]]')).toEqual(['{\n  "a": 1\n}', 'two', '[\n  3\n]'])
  expect(await texts('a.json', '{"a":1}')).toEqual(['{\n  "a": 1\n}'])
  expect(await texts('a.jsonl', '{"a":1}\n\n2\n')).toEqual(['{\n  "a": 1\n}', '2'])
})

test('reads Markdown without its front matter and knows the heading of each chunk', async () => {
  const file = '---\ntitle: x\n---\n# One\n\nfirst\n\n## Two ##\n\nsecond'
  expect(await readAll({ ...upload('a.md', file), chunkSize: 20 })).toEqual([
    { index: 0, text: '# One\n\nfirst', metadata: { heading: 'One' } },
    { index: 1, text: '## Two ##\n\nsecond', metadata: { heading: 'Two' } },
  ])
})

test('knows the language of source code by its name', async () => {
  const [chunk] = await readAll({ ...upload('main.py', 'print(1)\n'), chunker: 'CodeChunker' })
  expect(chunk).toEqual({ index: 0, text: 'print(1)', metadata: { language: 'python' } })
})

test('reads HTML in the encoding that it declares', async () => {
  const page = Buffer.concat([Buffer.from('<meta charset="shift_jis"><title>t</title><p>'), Buffer.of(0x82, 0xb1)])
  expect(await readAll(upload('a.html', page))).toEqual([{ index: 0, text: 'こ', metadata: { title: 't' } }])
})

test.each<[string, string, Uint8Array | string, string?]>([
  ['DOCUMENT_EMPTY: "a.txt" is empty', 'a.txt', ''],
  ['DOCUMENT_EMPTY: The document has no text', 'a.txt', ' \n\n '],
  ['DOCUMENT_EMPTY: The PDF has no text on its 2 pages: is it a scan?', 'a.pdf', makePdf([null, null])],
  ['DOCUMENT_EMPTY: The Word document has no text', 'a.docx', makeDocx('')],
  ['DOCUMENT_EMPTY: The workbook has no values in its cells', 'a.xlsx', makeXlsx([{ name: 'a', rows: '' }])],
  ['DOCUMENT_EMPTY: The presentation has no text on its slides', 'a.pptx', makePptx([])],
  ['DOCUMENT_EMPTY: The JSON document has no values', 'a.json', '[]'],
  ['DOCUMENT_EMPTY: The page has no text; one that is made by scripts cannot be read', 'a.html', '<script>x</script>'],
  ['DOCUMENT_ENCRYPTED: The PDF is protected by a password', 'a.pdf', makeEncryptedPdf()],
  ['DOCUMENT_ENCRYPTED: "a.docx" is protected by a password', 'a.docx', oleWith('EncryptedPackage')],
  [
    'DOCUMENT_ENCRYPTED: The document is protected by a password',
    'a.docx',
    makeZip([{ name: 'word/document.xml', content: 'x', isEncrypted: true }]),
  ],
  ['DOCUMENT_CORRUPT: The PDF is damaged: it cannot be opened', 'a.pdf', '%PDF-1.7 and nothing more'],
  ['DOCUMENT_CORRUPT: The document is damaged: its end is missing', 'a.docx', makeDocx('').subarray(0, 200)],
  ['DOCUMENT_CORRUPT: The JSON document is damaged: item 2 does not parse', 'a.json', '[1, x]'],
  ['DOCUMENT_CORRUPT: The JSON document is damaged: its list does not end', 'a.json', '[1, 2'],
  ['DOCUMENT_TYPE_MISMATCH: "a.pdf" is text, but its name says otherwise', 'a.pdf', '<html>Please log in</html>'],
  ['DOCUMENT_TYPE_MISMATCH: "a.txt" is a PDF document, but its name says otherwise', 'a.txt', makePdf(['x'])],
  ['DOCUMENT_TYPE_MISMATCH: "a.docx" is an Excel workbook, but its name says otherwise', 'a.docx', makeXlsx([])],
  [
    'DOCUMENT_TYPE_MISMATCH: "a.pdf" is a PDF document, but it was sent as image/png',
    'a.pdf',
    makePdf(['x']),
    'image/png',
  ],
  ['DOCUMENT_TYPE_MISMATCH: "a" is text, but it was sent as application/pdf', 'a', 'text', 'application/pdf; x=1'],
  [
    'DOCUMENT_UNSUPPORTED: "a.zip" is a ZIP archive; send what is in it',
    'a.zip',
    makeZip([{ name: 'a', content: '' }]),
  ],
  [
    'DOCUMENT_UNSUPPORTED: "a.png" is a PNG image, which has no text to read',
    'a.png',
    Buffer.from('89504e470d0a1a0a', 'hex'),
  ],
  [
    'DOCUMENT_UNSUPPORTED: "a.bin" is binary data, which has no text to read',
    'a.bin',
    Uint8Array.of(1, 0, 2, 0, 0, 0, 3, 1),
  ],
  [
    'DOCUMENT_UNSUPPORTED: "a.doc" is a document of an Office before 2007; save it as .docx, .xlsx or .pptx',
    'a.doc',
    oleWith('WordDocument'),
  ],
])('%s', async (failure, name, content, mimeType) => {
  expect(await failureOf(readAll(upload(name, content, mimeType)))).toBe(failure)
})

test('goes by the bytes where the name and the type say nothing', async () => {
  const texts = async (name: string, content: Uint8Array | string, type?: string) =>
    (await readAll(upload(name, content, type))).map(({ text }) => text)
  expect(await texts('report', makePdf(['text']), 'application/octet-stream')).toEqual(['text'])
  expect(await texts('', '<!DOCTYPE html><p>page</p>')).toEqual(['page'])
  expect(await texts('notes.md', '# a', 'text/plain')).toEqual(['# a'])
})

test('refuses a document that is larger than its limit, inflates past it or makes too many chunks', async () => {
  const limits = (given: object, name: string, content: Uint8Array | string) =>
    failureOf(readAll({ ...upload(name, content), limits: given }))
  expect(await limits({ bytes: 10 }, 'a.txt', 'x'.repeat(11))).toBe(
    'DOCUMENT_TOO_LARGE: "a.txt" has 11 bytes, more than the 10 allowed',
  )
  const large = makeDocx(`<w:p><w:r><w:t>${'x'.repeat(100_000)}</w:t></w:r></w:p>`)
  expect(await limits({ inflatedBytes: 50_000 }, 'a.docx', large)).toBe(
    'DOCUMENT_TOO_LARGE: The document inflates to more than 50000 bytes',
  )
  expect(await limits({ chunks: 2 }, 'a.csv', 'a\nb\nc')).toBe(
    'DOCUMENT_TOO_LARGE: The document makes more than 2 chunks',
  )
})

test('says so when the file is gone, without its path', async () => {
  const source = { kind: 'file', path: '/no/such/place/a3f1', filename: 'a.pdf' } as const
  expect(await failureOf(readAll({ source }))).toBe('DOCUMENT_READER_STOPPED: "a.pdf" is not there any more to be read')
})

test('stops inflating a bomb at a multiple of its size, whatever it says about itself', async () => {
  const bomb = makeZip([{ name: 'word/document.xml', content: Buffer.alloc(60_000_000) }])
  // What the archive declares as the size is 1 byte.
  bomb.writeUInt32LE(1, bomb.indexOf(Buffer.from('504b0102', 'hex')) + 24)
  expect(deflateRawSync(Buffer.alloc(60_000_000)).length).toBeLessThan(bomb.length)
  expect(await failureOf(readAll(upload('a.docx', bomb)))).toMatch(
    /^DOCUMENT_TOO_LARGE: .* inflates to more than \d{8} bytes$/,
  )
})

test('passes over the entities of an XML document, which could make it grow without end', async () => {
  const bomb = makeZip([
    {
      name: 'word/document.xml',
      content:
        '<!DOCTYPE d [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>' +
        '<w:document><w:p><w:r><w:t>before &b; &c; after</w:t></w:r></w:p></w:document>',
    },
  ])
  expect((await readAll(upload('a.docx', bomb))).map(({ text }) => text)).toEqual(['before &b; &c; after'])
})

function oleWith(entry: string): Buffer {
  return Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(512), Buffer.from(entry, 'utf16le')])
}
