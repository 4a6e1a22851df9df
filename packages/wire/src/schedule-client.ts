/**
 * The schedule routes of the client.
 * @module
 */
import type { z } from 'zod'
import {
  type CreateSchedule,
  Schedule,
  type ScheduleListQuery,
  SchedulePage,
  ScheduleRun,
  type ScheduleRunListQuery,
  ScheduleRunPage,
  ScheduleState,
  type UpdateSchedule,
} from './schedule.ts'
import type { Transport } from './transport.ts'

export function createScheduleClient({ ask, send }: Transport) {
  const pathOf = (scheduleId: string) => `/schedules/${encodeURIComponent(scheduleId)}`
  return {
    list: ({ enabled, ...query }: Partial<ScheduleListQuery> = {}) =>
      ask(SchedulePage, '/schedules', {
        query: { ...query, ...(enabled !== undefined && { enabled: String(enabled) }) },
      }),
    create: (schedule: z.input<typeof CreateSchedule>) =>
      ask(Schedule, '/schedules', { method: 'POST', json: schedule }),
    get: (scheduleId: string) => ask(Schedule, pathOf(scheduleId)),
    update: (scheduleId: string, change: UpdateSchedule) =>
      ask(Schedule, pathOf(scheduleId), { method: 'PATCH', json: change }),
    delete: async (scheduleId: string) => {
      await send(pathOf(scheduleId), { method: 'DELETE' })
    },
    enable: (scheduleId: string) => ask(ScheduleState, `${pathOf(scheduleId)}/enable`, { method: 'POST' }),
    disable: (scheduleId: string) => ask(ScheduleState, `${pathOf(scheduleId)}/disable`, { method: 'POST' }),
    trigger: (scheduleId: string) => ask(ScheduleRun, `${pathOf(scheduleId)}/trigger`, { method: 'POST' }),
    runs: (scheduleId: string, query: Partial<ScheduleRunListQuery> = {}) =>
      ask(ScheduleRunPage, `${pathOf(scheduleId)}/runs`, { query }),
    run: (scheduleId: string, scheduleRunId: string) =>
      ask(ScheduleRun, `${pathOf(scheduleId)}/runs/${encodeURIComponent(scheduleRunId)}`),
  }
}
