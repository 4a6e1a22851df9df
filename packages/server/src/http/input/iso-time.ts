/**
 * Moments as callers write them.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'

const SHAPE = /^(\d{4}-\d{2}-(\d{2}))(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i

/** The years that a database can hold and that four digits can write. */
const EARLIEST = Date.parse('0001-01-01T00:00:00Z')
const LATEST = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * Reads ISO 8601: a day, or a time with or without an offset; UTC without one. Digits past the millisecond are dropped.
 * @returns undefined when `text` is something else, or no such moment exists
 */
export function parseIsoTime(text: string): Date | undefined {
  // A plus that was not escaped in a query arrives as a space.
  const [, day, dayOfMonth, time = '00:00', offset = 'Z'] =
    SHAPE.exec(text.trim().replace(/ (?=\d{2}:?\d{2}$)/, restorePlus)) ?? []
  if (day === undefined) return undefined
  const minutes = offset.replace(/^([+-]\d{2}):?(\d{2})?$/, (_, hours: string, rest = '00') => `${hours}:${rest}`)
  const moment = new Date(`${day}T${time}${minutes.toUpperCase()}`)
  const at = moment.getTime()
  // JavaScript takes the 30th of February for the 2nd of March.
  const exists = new Date(`${day}T00:00:00Z`).getUTCDate() === Number(dayOfMonth)
  return exists && at >= EARLIEST && at <= LATEST ? moment : undefined
}

/** @throws {AgentOSError} INVALID_REQUEST when `text` is no time; it names the field */
export function readIsoTime(text: string, field: string): Date {
  const moment = parseIsoTime(text)
  if (moment) return moment
  const example = 'Use ISO 8601, for example 2026-11-23T10:00:00Z or 2026-11-23T15:30:00+05:30'
  throw new AgentOSError('INVALID_REQUEST', `Invalid ${field} ${JSON.stringify(text)}. ${example}`)
}

/** A day and a time of day may be separated by a space, too: only what follows a time is an offset. */
function restorePlus(space: string, at: number): string {
  return at > '2026-11-23'.length ? '+' : space
}
