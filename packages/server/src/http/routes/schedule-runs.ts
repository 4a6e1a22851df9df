/**
 * What became of a schedule.
 * @module
 */
import { ScheduleRun, ScheduleRunListQuery, ScheduleRunPage } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import { findScheduleRun, listScheduleRuns } from '../../storage/schedules/schedule-runs.ts'
import { toScheduleRun } from '../agno/schedule.ts'
import { startPage } from '../page.ts'
import { route } from '../route.ts'
import { findOrFail, ScheduleParams } from './schedules.ts'
import { z } from 'zod'

const tag = 'Schedules'

export const getScheduleRuns = route({
  method: 'GET',
  path: '/schedules/{schedule_id}/runs',
  scope: 'schedules:read',
  tag,
  summary: 'What became of a schedule, newest first, a page at a time',
  params: ScheduleParams,
  query: ScheduleRunListQuery,
  response: ScheduleRunPage,
  errors: ['SCHEDULE_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    const page = startPage(deps.clock, query)
    const { scheduleId } = await findOrFail(deps, params.schedule_id)
    const { runs, total } = await listScheduleRuns(deps.database.db, scheduleId, query)
    return page(runs.map(toScheduleRun), total)
  },
})

export const getScheduleRun = route({
  method: 'GET',
  path: '/schedules/{schedule_id}/runs/{run_id}',
  scope: 'schedules:read',
  tag,
  summary: 'Read one run of a schedule',
  params: ScheduleParams.extend({ run_id: z.string() }),
  response: ScheduleRun,
  errors: ['SCHEDULE_RUN_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const run = await findScheduleRun(deps.database.db, params.schedule_id, params.run_id)
    if (run === undefined) throw new AgentOSError('SCHEDULE_RUN_NOT_FOUND', 'Schedule run not found')
    return toScheduleRun(run)
  },
})
