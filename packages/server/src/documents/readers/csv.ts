/**
 * CSV tables: as lines, or each row as its fields with their names.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { guessSeparator, readCsv } from '../csv.ts'
import { decodeText } from '../decode.ts'
import { type Row, sectionsOfRows, showCell } from '../rows.ts'
import type { Section } from '../section.ts'
import type { FileReader, ReaderInput } from './input.ts'

export const readCsvTable: FileReader = (input) => sectionsOfRows(readRows(input), {})

/** One section for each row below the first, which has the names; fields without a value are left out. */
export const readLabeledCsv: FileReader = function* (input): Generator<Section> {
  let names: readonly string[] | undefined
  for (const { number, cells } of readRows(input)) {
    if (names === undefined) {
      names = cells.map(showName)
      continue
    }
    const lines = names.flatMap((name, column) => {
      const value = showCell(cells[column] ?? '')
      return value === '' ? [] : [`${name}: ${value}`]
    })
    if (lines.length > 0) yield { text: lines.join('\n'), metadata: { row: number } }
  }
}

function* readRows({ bytes, charset, signal }: ReaderInput): Generator<Row> {
  const text = decodeText(bytes, charset)
  if (text.trim() === '') throw new AgentOSError('DOCUMENT_EMPTY', 'The table has no rows')
  let number = 0
  for (const cells of readCsv(text, guessSeparator(text))) {
    number += 1
    if (number % 1000 === 0) signal.throwIfAborted()
    yield { number, cells }
  }
}

/** `unit_price` as "Unit Price", as Agno shows it. */
function showName(name: string): string {
  return showCell(name.replaceAll('_', ' ')).replace(/(?<!\p{L})\p{L}/gu, (letter) => letter.toUpperCase())
}
