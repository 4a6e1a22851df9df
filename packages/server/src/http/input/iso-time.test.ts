import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseIsoTime, readIsoTime } from './iso-time.ts'

test.each([
  ['2026-11-23T10:00:00Z', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23t10:00:00.123456z', '2026-11-23T10:00:00.123Z'],
  ['2026-11-23T15:30:00+05:30', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23T15:30:00 05:30', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23 05:00:00-05', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23T05:00-0500', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23T10:00:00', '2026-11-23T10:00:00.000Z'],
  ['2026-11-23 10:00', '2026-11-23T10:00:00.000Z'],
  [' 2026-11-23 ', '2026-11-23T00:00:00.000Z'],
])('reads %s', (text, moment) => {
  expect(parseIsoTime(text)?.toISOString()).toBe(moment)
})

test.each([
  '',
  'now',
  '1795409561',
  '2026-02-30',
  '2026-13-01',
  '2026-11-23T25:00:00Z',
  '0000-01-01',
  '9999-12-31T23:59:59-05:00',
  '+012026-11-23',
  '2026-11-23T10:00:00Z; drop table agentos_traces',
])('refuses %s', (text) => {
  expect(parseIsoTime(text)).toBeUndefined()
})

test('names the field and shows how a time looks', () => {
  expect(() => readIsoTime('soon', 'start_time')).toThrow('Invalid start_time "soon". Use ISO 8601, for example')
  expect(readIsoTime('2026-11-23', 'start_time')).toEqual(new Date('2026-11-23'))
})

test('reads what it is given back by JSON', () => {
  const dates = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  fc.assert(
    fc.property(dates, (date) => {
      expect(parseIsoTime(date.toISOString())).toEqual(date)
    }),
  )
})
