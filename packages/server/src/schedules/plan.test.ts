import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DueSchedule } from '../storage/schedules/claim-ticks.ts'
import { MISSED_AFTER_MS, planTick } from './plan.ts'

const NOW = new Date('2026-11-23T12:00:00.250Z')

function due(given: Partial<DueSchedule> = {}): DueSchedule {
  return {
    scheduleId: 'schedule-1',
    cronExpr: '*/5 * * * *',
    timezone: 'UTC',
    missedPolicy: 'run_once',
    overlapPolicy: 'skip',
    tickAt: new Date('2026-11-23T12:00:00Z'),
    now: NOW,
    isBusy: false,
    hasWaiting: false,
    ...given,
  }
}

test('runs a tick, and goes on with the next one', () => {
  expect(planTick(due(), 'run-1')).toEqual({
    scheduleRunId: 'run-1',
    action: 'run',
    reason: null,
    nextRunAt: new Date('2026-11-23T12:05:00Z'),
    problem: null,
  })
})

test('runs once for all ticks that were missed, or not at all', () => {
  const tickAt = new Date('2026-11-23T09:00:00Z')
  const nextRunAt = new Date('2026-11-23T12:05:00Z')
  expect(planTick(due({ tickAt }), 'run-1')).toMatchObject({ action: 'run', nextRunAt })
  expect(planTick(due({ tickAt, missedPolicy: 'skip' }), 'run-1')).toMatchObject({
    action: 'skip',
    reason: 'The tick was missed: no server was there for it',
    nextRunAt,
  })
  const late = new Date(NOW.getTime() - MISSED_AFTER_MS)
  expect(planTick(due({ tickAt: late, missedPolicy: 'skip' }), 'run-1')).toMatchObject({ action: 'run' })
})

test('drops a tick while an earlier one goes on, lets one wait, or runs it beside', () => {
  const busy = due({ isBusy: true })
  expect(planTick(busy, 'run-1')).toMatchObject({ action: 'skip', reason: 'The run before was still under way' })
  expect(planTick({ ...busy, overlapPolicy: 'allow' }, 'run-1')).toMatchObject({ action: 'run' })
  expect(planTick({ ...busy, overlapPolicy: 'queue' }, 'run-1')).toMatchObject({ action: 'wait' })
  expect(planTick({ ...busy, overlapPolicy: 'queue', hasWaiting: true }, 'run-1')).toMatchObject({ action: 'skip' })
})

test('gives up a schedule whose next time cannot be told', () => {
  const plan = planTick(due({ timezone: 'Mars/Olympus' }), 'run-1')
  expect(plan).toMatchObject({ action: 'skip', nextRunAt: null })
  expect(plan.problem).toContain('Mars/Olympus is no time zone')
})

test('never plans a next tick that has come already, whatever the clocks say', () => {
  const offset = fc.integer({ min: -7_200_000, max: 864_000_000 })
  const policy = fc.record({
    missedPolicy: fc.constantFrom('run_once' as const, 'skip' as const),
    overlapPolicy: fc.constantFrom('skip' as const, 'queue' as const, 'allow' as const),
    isBusy: fc.boolean(),
    hasWaiting: fc.boolean(),
  })
  fc.assert(
    fc.property(offset, policy, (lateMs, given) => {
      const tickAt = new Date(NOW.getTime() - lateMs)
      const { nextRunAt, action, reason } = planTick(due({ tickAt, ...given }), 'run-1')
      expect(nextRunAt?.getTime()).toBeGreaterThan(Math.max(NOW.getTime(), tickAt.getTime()))
      expect(reason !== null).toBe(action === 'skip')
    }),
  )
})
