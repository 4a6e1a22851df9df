/**
 * The arithmetic of cron: when a schedule is next due, in its time zone. Five fields, or a nickname such as `@daily`.
 *
 * Where clocks are put forward, a time that does not exist that day comes once, right after the gap; where they are put
 * back, a time that comes twice counts once, the first time. That is for schedules at set times. One with a wildcard or a
 * step in its minutes or hours goes by elapsed time: every 15 minutes is every 15 minutes, also through the change.
 * @module
 */
import { Cron } from 'croner'

const NICKNAMES = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/i
const FIELDS = 5

/**
 * @param cron five fields, or a nickname
 * @param timezone a name of the IANA time zone database
 * @param afterMs milliseconds since the epoch
 * @returns the first time after that, in milliseconds; undefined when there is none
 * @throws {TypeError} when `cron` or `timezone` is none
 */
export function nextTick(cron: string, timezone: string, afterMs: number): number | undefined {
  return parse(cron, timezone).nextRun(new Date(afterMs))?.getTime()
}

/** Why `cron` is none, in a few words; undefined when it is one. */
export function findCronProblem(cron: string): string | undefined {
  try {
    const next = parse(cron, 'UTC').nextRun(new Date(0))
    return next === null ? 'that date never comes' : undefined
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return reasonOf(error)
    throw error
  }
}

export function isTimezone(timezone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: timezone }).format(0) !== ''
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** @throws {TypeError} and {RangeError} */
function parse(cron: string, timezone: string): Cron {
  const pattern = cron.trim()
  const fields = pattern.split(/\s+/).length
  if (fields !== FIELDS && !NICKNAMES.test(pattern)) {
    throw new TypeError(`it needs five fields, and has ${pattern === '' ? 0 : fields}`)
  }
  if (!isTimezone(timezone)) throw new TypeError(`${timezone} is no time zone`)
  const mode = fields === FIELDS ? '5-part' : 'auto'
  return new Cron(pattern, { timezone, mode, paused: true, fixedTimeRule: 'no-wildcard' })
}

/** croner names its own parts first. */
function reasonOf({ message }: Error): string {
  return message.replace(/^Cron\w*: /, '')
}
