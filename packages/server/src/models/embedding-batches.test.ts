import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estimateTokens, partTexts } from './embedding-batches.ts'

const texts = fc.array(fc.string({ maxLength: 200, unit: 'grapheme' }), { maxLength: 60 })
const limits = fc.record({ texts: fc.integer({ min: 1, max: 20 }), tokens: fc.integer({ min: 1, max: 100 }) })

test('every text is in one batch, in order, and no batch that can be smaller is above a limit', () => {
  fc.assert(
    fc.property(texts, limits, (all, most) => {
      const batches = partTexts(all, most)
      expect(batches.flatMap(([from, to]) => all.slice(from, to))).toEqual(all)
      for (const [from, to] of batches) {
        expect(to - from).toBeGreaterThan(0)
        expect(to - from).toBeLessThanOrEqual(most.texts)
        const tokens = all.slice(from, to).reduce((sum, text) => sum + estimateTokens(text), 0)
        expect(to - from === 1 || tokens <= most.tokens).toBe(true)
      }
    }),
  )
})
