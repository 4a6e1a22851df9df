/**
 * Small documents of every kind, made byte by byte, for tests.
 * @module
 */
import { crc32, deflateRawSync } from 'node:zlib'

export type ZipEntry = { readonly name: string; readonly content: string | Uint8Array; readonly isEncrypted?: boolean }

/** A ZIP archive whose entries are deflated. */
export function makeZip(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, isEncrypted = false } of entries) {
    const bytes = Buffer.from(content)
    const packed = deflateRawSync(bytes)
    const sums = Buffer.alloc(16)
    sums.writeUInt16LE(isEncrypted ? 1 : 0, 0)
    sums.writeUInt16LE(8, 2)
    const sizes = Buffer.alloc(12)
    sizes.writeUInt32LE(crc32(bytes), 0)
    sizes.writeUInt32LE(packed.length, 4)
    sizes.writeUInt32LE(bytes.length, 8)
    const nameBytes = Buffer.from(name)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    sums.copy(local, 6, 0, 4)
    sizes.copy(local, 14)
    local.writeUInt16LE(nameBytes.length, 26)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE(20, 6)
    sums.copy(central, 8, 0, 4)
    sizes.copy(central, 16)
    central.writeUInt16LE(nameBytes.length, 28)
    central.writeUInt32LE(offset, 42)
    locals.push(local, nameBytes, packed)
    directory.push(central, nameBytes)
    offset += 30 + nameBytes.length + packed.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, central, end])
}

/** A PDF with a line of text on each page; null makes a page without text. */
export function makePdf(pages: readonly (string | null)[]): Buffer {
  const objects: string[] = ['<< /Type /Catalog /Pages 2 0 R >>']
  const kids = pages.map((_, index) => `${3 + index * 2} 0 R`).join(' ')
  objects.push(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`)
  const font = 3 + pages.length * 2
  for (const [index, text] of pages.entries()) {
    const content = 4 + index * 2
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 ${font} 0 R >> >> /Contents ${content} 0 R >>`,
    )
    const stream = text === null ? '' : `BT /F1 12 Tf 72 720 Td (${text}) Tj ET`
    objects.push(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`)
  }
  objects.push('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
  return assemblePdf(objects, '')
}

/** A PDF that says it is encrypted with a password that nobody gives. */
export function makeEncryptedPdf(): Buffer {
  const key = '<' + 'ab'.repeat(32) + '>'
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [] /Count 0 >>',
    `<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O ${key} /U ${key} >>`,
  ]
  return assemblePdf(objects, `/Encrypt 3 0 R /ID [<${'cd'.repeat(16)}> <${'cd'.repeat(16)}>]`)
}

function assemblePdf(objects: readonly string[], trailer: string): Buffer {
  let text = '%PDF-1.4\n'
  const offsets: number[] = []
  for (const [index, object] of objects.entries()) {
    offsets.push(text.length)
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
  }
  const start = text.length
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}`
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF\n`
  return Buffer.from(text, 'latin1')
}

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

/** A Word document; `body` is what stands in `w:body`. Its style `berschrift1` is a heading. */
export function makeDocx(body: string): Buffer {
  const styles = `<w:styles ${W}><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>`
  return makeZip([
    { name: '[Content_Types].xml', content: '<Types/>' },
    {
      name: 'word/document.xml',
      content: `<?xml version="1.0"?><w:document ${W}><w:body>${body}</w:body></w:document>`,
    },
    { name: 'word/styles.xml', content: styles },
  ])
}

const A = 'xmlns:a="urn:a" xmlns:p="urn:p" xmlns:r="urn:r"'
const TYPE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

/** A presentation: title, lines and notes of each slide. */
export function makePptx(
  slides: readonly { readonly title: string; readonly lines: readonly string[]; readonly notes?: string }[],
): Buffer {
  const shape = (kind: string, text: string) =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${kind}"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`
  const entries = slides.flatMap(({ title, lines, notes }, index) => {
    const number = index + 1
    const shapes = [shape('title', title), ...lines.map((line) => shape('body', line)), shape('sldNum', String(number))]
    const relationships =
      notes === undefined
        ? ''
        : `<Relationship Id="rId1" Type="${TYPE}/notesSlide" Target="../notesSlides/n${number}.xml"/>`
    return [
      { name: `ppt/slides/slide${number}.xml`, content: `<p:sld ${A}>${shapes.join('')}</p:sld>` },
      { name: `ppt/slides/_rels/slide${number}.xml.rels`, content: `<Relationships>${relationships}</Relationships>` },
      ...(notes === undefined
        ? []
        : [{ name: `ppt/notesSlides/n${number}.xml`, content: `<p:notes ${A}>${shape('body', notes)}</p:notes>` }]),
    ]
  })
  // In the reverse order of their names: the list decides, not the files.
  const ids = slides.map((_, index) => `<p:sldId id="${256 + index}" r:id="r${slides.length - index}"/>`).join('')
  const links = slides
    .map((_, index) => `<Relationship Id="r${index + 1}" Type="${TYPE}/slide" Target="slides/slide${index + 1}.xml"/>`)
    .join('')
  return makeZip([
    { name: 'ppt/presentation.xml', content: `<p:presentation ${A}><p:sldIdLst>${ids}</p:sldIdLst></p:presentation>` },
    { name: 'ppt/_rels/presentation.xml.rels', content: `<Relationships>${links}</Relationships>` },
    ...entries,
  ])
}

/** A workbook; `rows` of each sheet are what stands in `sheetData`. Style 1 is a date, style 2 a date and time. */
export function makeXlsx(
  sheets: readonly { readonly name: string; readonly rows: string }[],
  strings: readonly string[] = [],
): Buffer {
  const list = sheets
    .map(({ name }, index) => `<sheet name="${name}" sheetId="${index + 1}" r:id="r${index + 1}"/>`)
    .join('')
  const links = sheets
    .map(
      (_, index) =>
        `<Relationship Id="r${index + 1}" Type="${TYPE}/worksheet" Target="worksheets/sheet${index + 1}.xml"/>`,
    )
    .join('')
  const shared = strings.map((text) => `<si><t>${text}</t></si>`).join('')
  return makeZip([
    { name: 'xl/workbook.xml', content: `<workbook xmlns:r="urn:r"><sheets>${list}</sheets></workbook>` },
    { name: 'xl/_rels/workbook.xml.rels', content: `<Relationships>${links}</Relationships>` },
    { name: 'xl/sharedStrings.xml', content: `<sst>${shared}</sst>` },
    {
      name: 'xl/styles.xml',
      content:
        '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/></numFmts>' +
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>' +
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>',
    },
    ...sheets.map(({ rows }, index) => ({
      name: `xl/worksheets/sheet${index + 1}.xml`,
      content: `<worksheet><sheetData>${rows}</sheetData></worksheet>`,
    })),
  ])
}
