/**
 * What is lost of traces when something goes wrong, counted against what happened.
 * @module
 */
import { describe, expect, test } from 'vitest'
import { HAS_POSTGRES } from './database.ts'
import { countSpans, type Mishap } from './span-losses.ts'

const RUNS = 20
const options = { runs: RUNS, awayMs: 2_000 }

describe.skipIf(!HAS_POSTGRES)('of the spans of runs', () => {
  test.each<Mishap>(['none', 'stop', 'collector back'])('none is lost and none comes twice: %s', async (mishap) => {
    const count = await countSpans(mishap, options)
    // An attempt, two model calls and a tool each, and what a replica that ended has handed over.
    expect(count.happened).toBe(4 * RUNS + count.furtherAttempts)
    expect(count).toMatchObject({
      stored: count.happened,
      arrived: count.happened,
      repeated: 0,
      requestsArrived: RUNS,
      markedLost: 0,
    })
  })

  test.each<Mishap>(['collector down', 'collector hangs'])('all are in the database: %s', async (mishap) => {
    const count = await countSpans(mishap, options)
    expect(count).toMatchObject({ happened: 4 * RUNS, stored: 4 * RUNS, arrived: 0, requestsArrived: 0 })
  })

  test('those of a killed replica are told of by who recovers its runs, as far as the journal goes', async () => {
    const count = await countSpans('kill', options)
    expect(count.furtherAttempts).toBeGreaterThan(0)
    // Each lost attempt, and what it had committed.
    expect(count.markedLost).toBeGreaterThanOrEqual(count.furtherAttempts)
    expect(count.requestsArrived).toBe(RUNS)
    // What was under way is lost, and what ended in the last second before the kill and had not been sent.
    for (const told of [count.stored, count.arrived]) {
      expect(told).toBeLessThanOrEqual(count.happened)
      expect(told).toBeGreaterThanOrEqual(3 * RUNS)
    }
  })
})
