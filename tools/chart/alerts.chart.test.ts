import { execFile } from 'node:child_process'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { installPromtool, whyNoPromtool } from '../promtool-install.ts'
import { installChartTools } from './commands.ts'
import { listScenarios, renderObjects } from './helm.ts'
import { findObject } from './objects.ts'

const run = promisify(execFile)
const ALERT = 'AgentOSGitSyncStale'
const obstacle = await whyNoPromtool()

let rules: unknown
let promtool: string
beforeAll(async () => {
  if (obstacle !== undefined) return
  promtool = await installPromtool()
  const { helm4: helm } = await installChartTools()
  const file = listScenarios().find(({ name }) => name === 'observability')?.file ?? ''
  rules = findObject(await renderObjects({ helm, valuesFiles: [file] }), 'PrometheusRule').spec
})

/** Counts of syncs by status, a sample a minute, in promtool's notation; and from when to when the alert stands, in minutes. */
type Case = {
  readonly title: string
  readonly counts: Readonly<Record<string, string>>
  readonly fires?: readonly [number, number]
}

const CASES: readonly Case[] = [
  {
    title: 'the Git host is away from minute 20 to minute 60',
    counts: { success: '1x80', noop: '0+2x20 40x40 42+2x20', error: '0x20 1+1x40 41x20' },
    fires: [40, 61],
  },
  { title: 'nobody pushes for an hour', counts: { success: '1x60', noop: '0+2x60' } },
  { title: 'the revision is pinned: it is fetched once', counts: { success: '1x60' } },
  { title: 'every other fetch fails', counts: { noop: '0+1x60', error: '0+1x60' } },
  { title: 'git-sync started while the Git host was away', counts: { error: '1+1x80' }, fires: [11, 79] },
]

describe.skipIf(obstacle !== undefined)(`${ALERT}, as the chart renders it, knows`, () => {
  test.each(CASES)('$title', async ({ counts, fires }) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-alerts-'))
    await writeFile(join(folder.path, 'rules.yaml'), JSON.stringify(rules))
    const series = Object.entries(counts).map(([status, values]) => ({
      series: `git_sync_count_total{namespace="agents",pod="agentos-1",container="git-sync",status="${status}"}`,
      values,
    }))
    const minutes = Array.from({ length: 80 }, (_, minute) => minute)
    const isFiring = (minute: number) => fires !== undefined && minute >= fires[0] && minute <= fires[1]
    const alerts = minutes.map((minute) => ({
      eval_time: `${minute}m`,
      alertname: ALERT,
      exp_alerts: isFiring(minute) ? [EXPECTED] : [],
    }))
    const tests = [{ interval: '1m', input_series: series, alert_rule_test: alerts }]
    await writeFile(join(folder.path, 'tests.yaml'), JSON.stringify({ rule_files: ['rules.yaml'], tests }))
    const { stdout } = await run(promtool, ['test', 'rules', 'tests.yaml'], { cwd: folder.path })
    expect(stdout).toContain('SUCCESS')
  })
})

const EXPECTED = {
  exp_labels: { severity: 'warning', team: 'agents', namespace: 'agents', pod: 'agentos-1' },
  exp_annotations: {
    summary: 'agentos-1 has not reached its Git repository for ten minutes or more',
    description: 'The last revision goes on serving. The log of the container git-sync says why.',
    runbook_url: 'https://github.com/agentos/agentos/blob/main/docs/how-to/deploy-on-kubernetes.md',
  },
}
