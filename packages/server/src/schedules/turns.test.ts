import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('lets so many go at once, the others in order, also after a failure', async () => {
  const take = createTurns(2)
  const seen: string[] = []
  let most = 0
  let under = 0
  const work = (name: string) => async () => {
    most = Math.max(most, ++under)
    seen.push(name)
    await new Promise((done) => setImmediate(done))
    under--
    if (name === 'b') throw new Error('b failed')
    return name
  }
  const all = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((name) => take(work(name))))
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  expect([most, seen]).toEqual([2, ['a', 'b', 'c', 'd', 'e']])
  expect(await take(async () => 'again')).toBe('again')
})
