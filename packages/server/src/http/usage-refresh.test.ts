import { expect, test } from 'vitest'
import { createLog } from '../telemetry/log.ts'
import { createUsageRefresh } from './usage-refresh.ts'

const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

test('runs one at a time, and tells what became of it', async () => {
  let now = 1000
  const refresh = createUsageRefresh({ clock: { now: () => now, monotonic: () => now }, log })
  const gate = Promise.withResolvers<string>()
  const first = refresh.start(() => gate.promise)
  expect(refresh.start(async () => 'second')).toBeUndefined()
  expect(refresh.state()).toEqual({ status: 'running', startedAt: 1000, finishedAt: null, error: null })
  now = 2000
  gate.resolve('first')
  expect(await first).toBe('first')
  expect(refresh.state()).toEqual({ status: 'completed', startedAt: 1000, finishedAt: 2000, error: null })
  await expect(refresh.start(() => Promise.reject(new Error('secret')))).rejects.toThrow('secret')
  expect(refresh.state()).toMatchObject({ status: 'failed', error: 'The usage could not be added up' })
})
