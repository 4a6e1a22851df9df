import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs, sleep } from './backoff.ts'

test('a delay lies between half of the doubled bound and the bound, and never above the maximum', () => {
  const unit = fc.double({ min: 0, max: 0.999_999, noNaN: true })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1000, max: 60_000 }),
      fc.nat(40),
      unit,
      (baseMs, maxMs, attempt, random) => {
        const bound = Math.min(maxMs, baseMs * 2 ** attempt)
        const delay = backoffMs({ baseMs, maxMs }, attempt, random)
        expect(delay).toBeGreaterThanOrEqual(Math.floor(bound / 2))
        expect(delay).toBeLessThanOrEqual(bound)
      },
    ),
  )
})

test('a sleep ends at once when its signal aborts, with the reason of the signal', async () => {
  const stop = new AbortController()
  const sleeping = sleep(60_000, stop.signal)
  stop.abort(new Error('enough'))
  await expect(sleeping).rejects.toThrow('enough')
  await expect(sleep(60_000, stop.signal)).rejects.toThrow('enough')
})
