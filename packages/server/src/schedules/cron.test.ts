import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findCronProblem, isTimezone, nextTick } from './cron.ts'

const at = (iso: string) => Date.parse(iso)
const ticks = (cron: string, zone: string, after: string, count: number) => {
  const found: string[] = []
  for (let from: number | undefined = at(after); found.length < count && from !== undefined;) {
    from = nextTick(cron, zone, from)
    if (from !== undefined) found.push(new Date(from).toISOString().replace(':00.000Z', 'Z'))
  }
  return found
}

describe('nextTick', () => {
  test('gives a time that clocks leave out once, right after the gap', () => {
    expect(ticks('30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 3)).toEqual([
      '2026-03-08T07:00Z',
      '2026-03-09T06:30Z',
      '2026-03-10T06:30Z',
    ])
    expect(ticks('0,30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 2)).toEqual([
      '2026-03-08T07:00Z',
      '2026-03-09T06:00Z',
    ])
  })

  test('gives a time that comes twice once, the first time', () => {
    expect(ticks('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2)).toEqual([
      '2026-11-01T05:30Z',
      '2026-11-02T06:30Z',
    ])
    expect(ticks('0,30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 3)).toEqual([
      '2026-11-01T05:00Z',
      '2026-11-01T05:30Z',
      '2026-11-02T06:00Z',
    ])
  })

  test('goes by elapsed time where there is a wildcard or a step', () => {
    expect(ticks('*/30 * * * *', 'America/New_York', '2026-11-01T04:10:00Z', 5)).toEqual([
      '2026-11-01T04:30Z',
      '2026-11-01T05:00Z',
      '2026-11-01T05:30Z',
      '2026-11-01T06:00Z',
      '2026-11-01T06:30Z',
    ])
  })

  test('takes either of day and weekday, as cron does', () => {
    expect(ticks('0 9 13 * FRI', 'UTC', '2026-11-10T00:00:00Z', 3)).toEqual([
      '2026-11-13T09:00Z',
      '2026-11-20T09:00Z',
      '2026-11-27T09:00Z',
    ])
  })

  test('knows days that come every few years, and none that never come', () => {
    expect(ticks('0 0 29 2 *', 'UTC', '2026-03-01T00:00:00Z', 1)).toEqual(['2028-02-29T00:00Z'])
    expect(nextTick('0 0 30 2 *', 'UTC', 0)).toBeUndefined()
  })

  // Zones that change in spring and autumn, at midnight, by half an hour, and not at all.
  const zone = fc.constantFrom(
    'America/New_York',
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'America/Santiago',
    'Africa/Cairo',
    'Asia/Kolkata',
    'UTC',
  )
  const day = fc.integer({ min: at('2024-01-01T00:00:00Z') / 60_000, max: at('2031-12-01T00:00:00Z') / 60_000 })

  test('is always later than what it is asked from, and a whole minute', () => {
    const every = fc.constantFrom('* * * * *', '*/7 * * * *', '0 */3 * * *', '15 2 * * *', '0 0 1 * *', '@daily')
    fc.assert(
      fc.property(every, zone, day, (cron, timezone, minute) => {
        const next = nextTick(cron, timezone, minute * 60_000)
        expect(next).toBeGreaterThan(minute * 60_000)
        expect((next ?? 0) % 60_000).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  test('comes exactly once on every day of the calendar, through every change of clocks', () => {
    const time = fc.record({ hour: fc.integer({ min: 0, max: 23 }), minute: fc.integer({ min: 0, max: 59 }) })
    fc.assert(
      fc.property(time, zone, day, ({ hour, minute }, timezone, start) => {
        const calendar = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' })
        let tick = start * 60_000
        const days: string[] = []
        for (let n = 0; n < 40; n++) {
          tick = nextTick(`${minute} ${hour} * * *`, timezone, tick) ?? 0
          days.push(calendar.format(tick))
        }
        const first = Date.parse(days[0] ?? '')
        expect(days).toEqual(days.map((_, n) => new Date(first + n * 86_400_000).toISOString().slice(0, 10)))
      }),
      { numRuns: 50 },
    )
  })

  test('is the same however far before it one asks', () => {
    fc.assert(
      fc.property(zone, day, fc.integer({ min: 0, max: 600 }), (timezone, minute, before) => {
        const cron = '30 2 * * *'
        const next = nextTick(cron, timezone, minute * 60_000) ?? 0
        const asked = Math.max(minute * 60_000, next - before * 60_000 - 1)
        expect(nextTick(cron, timezone, asked)).toBe(next)
      }),
      { numRuns: 300 },
    )
  })
})

test('says what is wrong with an expression', () => {
  for (const cron of ['0 9 * * MON-FRI', '*/5 * * * *', '0 0 L * *', '@hourly', '  0 0 * * 7 ']) {
    expect([cron, findCronProblem(cron)]).toEqual([cron, undefined])
  }
  for (const cron of ['', '* * * *', '* * * * * *', '60 * * * *', '* * * * MOON', '2027-01-01T00:00:00', '@reboot']) {
    expect([cron, findCronProblem(cron)]).toEqual([cron, expect.any(String)])
  }
  expect(findCronProblem('0 0 30 2 *')).toBe('that date never comes')
  expect(findCronProblem('61 * * * *')).toBe('Invalid value for minute: 61')
})

test('knows the time zones', () => {
  expect(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'].every(isTimezone)).toBe(true)
  expect(['', 'Mars/Olympus', 'Berlin', 'Europe/Berlin '].some(isTimezone)).toBe(false)
})
