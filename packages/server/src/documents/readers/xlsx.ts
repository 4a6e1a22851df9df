/**
 * Excel workbooks: the values that cells show, sheet by sheet, a line for each row. Formulas count as their last result,
 * dates as ISO 8601.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { type Row, sectionsOfRows } from '../rows.ts'
import type { Section } from '../section.ts'
import { parseXml, type XmlAttributes } from '../xml.ts'
import { type Archive, openArchive } from '../zip.ts'
import type { FileReader } from './input.ts'
import { readPart, readRelationships } from './office.ts'
import { createCellFormats, type CellFormats } from './xlsx-formats.ts'

const WORKBOOK = 'xl/workbook.xml'
/** Columns that Excel has; a reference beyond them is damage, and would make a row of any length. */
const MOST_COLUMNS = 16_384

export const readXlsx: FileReader = function* ({ bytes, limits }): Generator<Section> {
  const archive = openArchive(bytes, limits.inflatedBytes)
  const { sheets, isDate1904 } = readWorkbook(archive)
  const strings = readSharedStrings(archive)
  const formats = createCellFormats(archive.read('xl/styles.xml'), isDate1904)
  let hasText = false
  for (const { name, part } of sheets) {
    const bytesOfSheet = archive.read(part)
    if (bytesOfSheet === undefined) continue
    for (const section of sectionsOfRows(readRows(bytesOfSheet, strings, formats), { sheet: name })) {
      hasText ||= section.text.trim() !== ''
      yield section
    }
  }
  if (!hasText) throw new AgentOSError('DOCUMENT_EMPTY', 'The workbook has no values in its cells')
}

function readWorkbook(archive: Archive) {
  const relationships = readRelationships(archive, WORKBOOK)
  const sheets: { readonly name: string; readonly part: string }[] = []
  let isDate1904 = false
  parseXml(readPart(archive, WORKBOOK), {
    open: (name, attributes) => {
      if (name === 'workbookPr') isDate1904 = /^(1|true)$/.test(attributes['date1904'] ?? '')
      const sheet = name === 'sheet' ? relationships.get(attributes['r:id'] ?? '') : undefined
      if (sheet?.type === 'worksheet') sheets.push({ name: attributes['name'] ?? '', part: sheet.part })
    },
  })
  return { sheets, isDate1904 }
}

function readSharedStrings(archive: Archive): readonly string[] {
  const strings: string[] = []
  const bytes = archive.read('xl/sharedStrings.xml')
  if (bytes === undefined) return strings
  let current = ''
  let isText = false
  let isPhonetic = false
  parseXml(bytes, {
    open: (name) => {
      if (name === 'si') current = ''
      if (name === 'rPh') isPhonetic = true
      if (name === 't') isText = true
    },
    text: (text) => (current += isText && !isPhonetic ? text : ''),
    close: (name) => {
      if (name === 't') isText = false
      if (name === 'rPh') isPhonetic = false
      if (name === 'si') strings.push(current)
    },
  })
  return strings
}

function readRows(bytes: Uint8Array, strings: readonly string[], formats: CellFormats): readonly Row[] {
  const rows: Row[] = []
  let row: string[] = []
  let number = 0
  let cell: XmlAttributes = {}
  let value = ''
  let isValue = false
  parseXml(bytes, {
    open: (name, attributes) => {
      if (name === 'row') {
        row = []
        // Empty rows are left out, so that a row says its number.
        number = Math.max(number + 1, Number(attributes['r'] ?? 0) || 0)
      }
      if (name === 'c') {
        cell = attributes
        value = ''
      }
      if (name === 'v' || name === 't') isValue = true
    },
    text: (text) => (value += isValue ? text : ''),
    close: (name) => {
      if (name === 'v' || name === 't') isValue = false
      if (name === 'c') placeCell(row, cell, showCell(cell, value, strings, formats))
      if (name === 'row') rows.push({ number, cells: row })
    },
  })
  return rows
}

/** By its reference, because empty cells are left out; without one, behind the last. */
function placeCell(row: string[], { r: reference = '' }: XmlAttributes, text: string): void {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0]
  const column = letters === undefined ? row.length : columnOf(letters)
  if (column >= MOST_COLUMNS)
    throw new AgentOSError('DOCUMENT_CORRUPT', `The workbook is damaged: it has a cell ${reference}`)
  while (row.length < column) row.push('')
  row[column] = text
}

function columnOf(letters: string): number {
  let column = 0
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64
  return column - 1
}

function showCell(cell: XmlAttributes, value: string, strings: readonly string[], formats: CellFormats): string {
  switch (cell['t']) {
    case 's':
      return strings[Number(value)] ?? ''
    case 'b':
      return value === '1' ? 'TRUE' : 'FALSE'
    case undefined:
    case 'n':
      return formats.show(value, Number(cell['s'] ?? 0))
    default:
      return value
  }
}
