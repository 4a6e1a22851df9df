import { expect, test } from 'vitest'
import { startRounds } from './rounds.ts'

test('does round after round, also when one fails, each after its own wait', async () => {
  const waits: number[] = []
  const failures: unknown[] = []
  const third = Promise.withResolvers<void>()
  const failure = new Error('the second')
  const rounds = startRounds({
    waitMs: (round) => {
      waits.push(round)
      return 0
    },
    async work() {
      if (waits.length === 2) throw failure
      if (waits.length === 3) third.resolve()
    },
    onError: (error) => failures.push(error),
  })
  await third.promise
  await rounds.close()
  expect(waits.slice(0, 3)).toEqual([0, 1, 2])
  expect(failures).toEqual([failure])
})

test('closes at once while it waits, and not before the end of a round that is under way', async () => {
  const idle = startRounds({
    waitMs: () => 3_600_000,
    work: () => Promise.reject(new Error('never')),
    onError: () => {},
  })
  await idle.close()
  const begun = Promise.withResolvers<AbortSignal>()
  const end = Promise.withResolvers<void>()
  const order: string[] = []
  const busy = startRounds({
    waitMs: () => 0,
    async work(closing) {
      begun.resolve(closing)
      await end.promise
      order.push('done')
    },
    onError: () => {},
  })
  const signal = await begun.promise
  const closed = busy.close().then(() => order.push('closed'))
  await new Promise((resolve) => setTimeout(resolve))
  expect([signal.aborted, order]).toEqual([true, []])
  end.resolve()
  await closed
  expect(order).toEqual(['done', 'closed'])
})
