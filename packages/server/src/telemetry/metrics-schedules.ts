/**
 * The metrics of schedules, for the table of all metrics.
 * @module
 */

const LATENESS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]

export const SCHEDULE_METRICS = {
  schedules: {
    name: 'agentos.schedules',
    kind: 'gauge',
    unit: '{schedule}',
    about: 'Schedules that are enabled. Every replica tells the same number.',
    attributes: [],
  },
  schedulesLate: {
    name: 'agentos.schedules.late',
    kind: 'gauge',
    unit: 's',
    about:
      'How late the tick is that no replica has taken up, and that should have been the longest ago; 0 when none is late. The same on every replica.',
    attributes: [],
  },
  scheduleLateness: {
    name: 'agentos.schedule.lateness',
    kind: 'histogram',
    unit: 's',
    about: 'From a tick to when a replica has taken it up. After the servers were down this is long.',
    attributes: [],
    buckets: LATENESS_SECONDS,
  },
  scheduleRuns: {
    name: 'agentos.schedule.runs',
    kind: 'counter',
    unit: '{run}',
    about:
      'Runs of schedules that ended, each attempt on its own, by the replica that stored it. Outcomes: `success`, `failed`, `cancelled`, `paused`, `skipped`.',
    attributes: ['outcome'],
  },
} as const
