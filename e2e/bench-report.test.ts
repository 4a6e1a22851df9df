/**
 * The arithmetic of the bench: quantiles, ratios, the table.
 * @module
 */
import { expect, test } from 'vitest'
import { type Figure, formatTable, median, quantile, toBaseline, worseThanBaseline } from '../bench/report.ts'

const latency: Figure = { name: 'p50', unit: 'ms', value: 6, limit: 2, better: 'less' }
const rate: Figure = { name: 'rate', unit: 'runs/s', value: 200, better: 'more' }

test('a quantile is a value that was measured', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect([quantile(values, 0), median(values), quantile(values, 0.99), quantile(values, 1)]).toEqual([1, 51, 100, 100])
  expect(quantile([], 0.5)).toBeNaN()
})

test('a figure with a limit is compared by its ratio to the limit, so that another machine is no change', () => {
  expect(worseThanBaseline(latency, { p50: { value: 12, limit: 4 } })).toBe(1)
  expect(worseThanBaseline(latency, { p50: { value: 4, limit: 4 } })).toBe(3)
  expect(worseThanBaseline(latency, {})).toBeUndefined()
})

test('worse is above 1, whichever direction is good', () => {
  expect(worseThanBaseline(rate, { rate: { value: 400 } })).toBe(2)
  expect(worseThanBaseline({ ...rate, value: 0 }, { rate: { value: 0 } })).toBe(1)
})

test('the table has a line per figure and says what is worse and what is better', () => {
  const table = formatTable([latency, rate], { p50: { value: 2, limit: 2 }, rate: { value: 100 } })
  const [, p50, second] = table.split('\n')
  expect(p50).toMatch(/^p50 +6\.00 ms +2\.00 +3\.00x +3\.00x worse$/)
  expect(second).toMatch(/^rate +200 runs\/s +0\.50x better$/)
})

test('a saved baseline keeps the figures of scenarios that did not run', () => {
  expect(toBaseline([latency], { other: { value: 1 }, p50: { value: 9 } })).toEqual({
    other: { value: 1 },
    p50: { value: 6, limit: 2 },
  })
})
