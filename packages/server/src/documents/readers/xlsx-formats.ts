/**
 * How a workbook shows numbers, as far as it changes what they say: whether one is a date.
 * @module
 */
import { parseXml } from '../xml.ts'

export type CellFormats = {
  /** A number as text; a date as ISO 8601, with the time when it has one. */
  readonly show: (value: string, style: number) => string
}

const DAY_MS = 86_400_000
/** Day 0 of the two calendars of Excel. The first one counts a 29 February 1900 that never was, so it starts a day early. */
const EPOCH_1900 = Date.UTC(1899, 11, 30)
const EPOCH_1904 = Date.UTC(1904, 0, 1)
/** 31 December 9999. */
const LAST_DAY = 2_958_465

/** @param styles the part with the styles, when there is one */
export function createCellFormats(styles: Uint8Array | undefined, isDate1904: boolean): CellFormats {
  const dateStyles = styles === undefined ? new Set<number>() : findDateStyles(styles)
  const epoch = isDate1904 ? EPOCH_1904 : EPOCH_1900
  return { show: (value, style) => (dateStyles.has(style) ? showDate(value, epoch) : showNumber(value)) }
}

function findDateStyles(bytes: Uint8Array): ReadonlySet<number> {
  const dateFormats = new Set<string>()
  const found = new Set<number>()
  let isCellStyles = false
  let index = 0
  parseXml(bytes, {
    open: (name, attributes) => {
      if (name === 'numFmt' && isDateFormat(attributes['formatCode'] ?? ''))
        dateFormats.add(attributes['numFmtId'] ?? '')
      if (name === 'cellXfs') isCellStyles = true
      if (name !== 'xf' || !isCellStyles) return
      const format = attributes['numFmtId'] ?? ''
      if (dateFormats.has(format) || isBuiltInDate(Number(format))) found.add(index)
      index += 1
    },
    close: (name) => {
      if (name === 'cellXfs') isCellStyles = false
    },
  })
  return found
}

/** ECMA-376 part 1, 18.8.30. */
function isBuiltInDate(format: number): boolean {
  return (format >= 14 && format <= 22) || (format >= 27 && format <= 36) || (format >= 45 && format <= 58)
}

/** Whether it has a letter of a date outside of quotes, brackets and escapes. */
function isDateFormat(code: string): boolean {
  return /[dmyhs]/i.test(code.replace(/"[^"]*"|\[[^\]]*\]|\\./g, ''))
}

function showDate(value: string, epoch: number): string {
  const days = Number(value)
  if (value === '' || !(days >= 0 && days <= LAST_DAY)) return showNumber(value)
  const iso = new Date(epoch + Math.round(days * DAY_MS)).toISOString()
  if (days < 1) return iso.slice(11, 19)
  return Number.isInteger(days) ? iso.slice(0, 10) : iso.slice(0, 19)
}

/** Without the noise of binary fractions: Excel keeps fifteen digits. */
function showNumber(value: string): string {
  const number = Number(value)
  if (value === '' || !Number.isFinite(number)) return value
  return Math.abs(number) < 1e15 ? String(Number(number.toPrecision(15))) : value
}
