import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { untilAborted } from './abort.ts'

test('settles as the work does', async () => {
  const { signal } = new AbortController()
  await expect(untilAborted(sleep(1, 'done'), signal)).resolves.toBe('done')
  await expect(untilAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
})

test('rejects with the reason at once, and tells of the late end', async () => {
  const controller = new AbortController()
  let late = 0
  const waiting = untilAborted(sleep(20, 'late'), controller.signal, () => late++)
  controller.abort(new Error('stop'))
  await expect(waiting).rejects.toThrow('stop')
  expect(late).toBe(0)
  await sleep(30)
  expect(late).toBe(1)
})

test('rejects when the signal has aborted before', async () => {
  await expect(untilAborted(sleep(1), AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
})

test('a late rejection is no unhandled one', async () => {
  const seen: unknown[] = []
  const listen = (error: unknown) => seen.push(error)
  process.on('unhandledRejection', listen)
  const work = sleep(1).then(() => Promise.reject(new Error('late')))
  await expect(untilAborted(work, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
  await sleep(10)
  process.off('unhandledRejection', listen)
  expect(seen).toEqual([])
})
