/**
 * From rows of cells to sections whose lines are rows.
 * @module
 */
import type { ChunkMetadata } from '../base/document.ts'
import { tidyText } from './decode.ts'
import type { Section } from './section.ts'

/** `number` counts from 1 and grows. */
export type Row = { readonly number: number; readonly cells: readonly string[] }

/** Lines of one section: enough to be worth a chunk of any size, few enough to be held at once. */
const SECTION_LINES = 1000
/** Rows that are missing become empty lines up to so many; behind a wider gap another section begins. */
const WIDEST_GAP = 20

/** A line for each row, its cells joined by a comma; empty cells at its end are left out. */
export function* sectionsOfRows(rows: Iterable<Row>, metadata: ChunkMetadata): Generator<Section> {
  let lines: string[] = []
  let firstRow = 1
  for (const { number, cells } of rows) {
    const gap = number - firstRow - lines.length
    if (lines.length > 0 && (gap > WIDEST_GAP || lines.length + gap >= SECTION_LINES)) {
      yield { text: lines.join('\n'), metadata, firstRow }
      lines = []
    }
    if (lines.length === 0) firstRow = number
    else for (let missing = 0; missing < gap; missing++) lines.push('')
    lines.push(lineOf(cells))
  }
  if (lines.length > 0) yield { text: lines.join('\n'), metadata, firstRow }
}

/** On one line: line ends within a cell become spaces. */
function lineOf(cells: readonly string[]): string {
  const texts = cells.map(showCell)
  const last = texts.findLastIndex((text) => text !== '')
  return texts.slice(0, last + 1).join(', ')
}

/** The text of a cell on one line. */
export function showCell(cell: string): string {
  return tidyText(cell).replaceAll('\n', ' ').trim()
}
