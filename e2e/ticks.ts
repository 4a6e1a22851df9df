/**
 * Schedules that tick every second, which cron cannot say: their next time is set in the database again and again, and
 * each time that was set is written down. What the servers made of it can then be counted.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@agentos/wire/client'
import { runSql } from './database.ts'
import { connectPostgres } from './postgres-client.ts'

export type Ticks = {
  /** Sets the next second as the next time of every schedule whose last one was taken up, for so long. */
  readonly run: (seconds: number) => Promise<void>
  /** Compares the ticks that were set with what was made of them. */
  readonly count: () => Promise<TickCount>
}

export type TickCount = {
  /** Ticks that were set. */
  readonly set: number
  /** Among them, those without a row in the history. */
  readonly lost: number
  /** Rows of one tick beyond the first. */
  readonly doubled: number
  /** Runs beyond one for each row, or rows without one. */
  readonly runs: number
  /** Rows whose run did not end well, or not yet. */
  readonly unfinished: number
  /** From a tick to its row, milliseconds by the clock of the database. */
  readonly lateness: readonly number[]
}

const LOOK_MS = 50

/** Makes `schedules` schedules of one agent that run beside one another. */
export async function createTicks(
  server: string,
  databaseUrl: string,
  { schedules, agentId, message }: { readonly schedules: number; readonly agentId: string; readonly message: string },
): Promise<Ticks> {
  const client = createClient({ baseUrl: server })
  for (let number = 0; number < schedules; number++) {
    await client.schedules.create({
      name: `tick ${number}`,
      // Once a year: all its ticks are set here.
      cron_expr: '0 0 1 1 *',
      endpoint: `/agents/${agentId}/runs`,
      payload: { message },
      overlap_policy: 'allow',
    })
  }
  await runSql(databaseUrl, 'create table test_ticks (schedule_id text, tick_at timestamptz)')
  return {
    async run(seconds) {
      await using database = await connectPostgres(databaseUrl)
      const until = performance.now() + seconds * 1000
      while (performance.now() < until) {
        await database.query(`
          with moved as (
            update agentos_schedules set next_run_at = date_trunc('second', now()) + interval '1 second'
            where next_run_at > now() + interval '1 hour' returning schedule_id, next_run_at
          )
          insert into test_ticks select * from moved`)
        await sleep(LOOK_MS)
      }
    },
    async count() {
      const [[set, lost, doubled, runs, unfinished] = []] = await runSql(databaseUrl, COUNT)
      const lateness = await runSql(
        databaseUrl,
        `select extract(epoch from due_at - tick_at) * 1000 from agentos_schedule_runs where tick_at is not null`,
      )
      return {
        set: Number(set),
        lost: Number(lost),
        doubled: Number(doubled),
        runs: Number(runs),
        unfinished: Number(unfinished),
        lateness: lateness.map(([late]) => Number(late)),
      }
    },
  }
}

const COUNT = `
  select (select count(*) from test_ticks),
    (select count(*) from test_ticks t where not exists (
      select from agentos_schedule_runs r where r.schedule_id = t.schedule_id and r.tick_at = t.tick_at)),
    (select count(*) - count(distinct (schedule_id, tick_at)) from agentos_schedule_runs),
    (select count(distinct s.run_id) - count(*) from agentos_schedule_runs s)
      + (select count(*) from agentos_runs r where not exists (
          select from agentos_schedule_runs s where s.run_id = r.run_id)),
    (select count(*) from agentos_schedule_runs where status <> 'success')`
