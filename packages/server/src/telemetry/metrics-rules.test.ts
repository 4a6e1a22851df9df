/**
 * Alerts and dashboards ask for metrics and attributes that exist, and every alert has its runbook.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { METRICS, type Metric, prometheusName } from './metrics-table.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const ALERTS = 'observability/alerts'
const ALERT_TESTS = 'observability/tests'
const DASHBOARDS = 'observability/dashboards'
const RUNBOOKS = 'docs/runbooks'

const SCRAPE_LABELS = ['job', 'instance']

/** Every name in Prometheus with its labels. Those of the scrape itself come on top. */
const LABELS = new Map(Object.values(METRICS).flatMap(labelsByName))

function labelsByName(metric: Metric): [string, readonly string[]][] {
  const labels = [...metric.attributes.map((name) => name.replaceAll('.', '_')), ...SCRAPE_LABELS]
  const name = prometheusName(metric)
  if (metric.kind !== 'histogram') return [[name, labels]]
  return [
    [`${name}_bucket`, [...labels, 'le']],
    [`${name}_sum`, labels],
    [`${name}_count`, labels],
  ]
}

type Alert = { readonly name: string; readonly expr: string; readonly text: string }

/** The rules of a file. They are regular: an expression is one line, or a folded block that is indented deeper. */
function readAlerts(text: string): Alert[] {
  return text
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((rule) => {
      const [, line = '', block = ''] = /^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.+)\n)/m.exec(rule) ?? []
      return { name: /^\w+/.exec(rule)?.[0] ?? '', expr: (line || block).replaceAll(/\s+/g, ' ').trim(), text: rule }
    })
}

/** What an expression asks for: metrics, and labels in braces and groupings. */
function readNames(expr: string): { readonly metrics: string[]; readonly labels: string[] } {
  const plain = expr.replaceAll(/"[^"]*"/g, '""')
  const grouped = [...plain.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)].map(([, names = '']) => names)
  const matched = [...plain.matchAll(/\{([^}]*)\}/g)].map(([, names = '']) => names.replaceAll(/(?:=~|!~|!=|=)""/g, ''))
  const labels = [...grouped, ...matched].flatMap((names) => names.split(',').map((name) => name.trim()))
  const rest = plain
    .replaceAll(/\b(?:by|without|on|ignoring) \([^)]*\)/g, ' ')
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
  const metrics = [...rest.matchAll(/[a-z_]\w*(?!\w*\()/gi)].map(([name]) => name).filter((name) => name.includes('_'))
  return { metrics: metrics.filter((name) => !FUNCTIONS.includes(name)), labels: labels.filter((name) => name !== '') }
}

const FUNCTIONS = ['histogram_quantile', 'predict_linear', 'label_values', 'max_over_time']

function problemsOf(expr: string): string[] {
  const { metrics, labels } = readNames(expr)
  if (metrics.length === 0) return [`${expr}: asks for no metric`]
  const known = metrics.flatMap((name) => LABELS.get(name) ?? [])
  return [
    ...metrics.filter((name) => !LABELS.has(name)).map((name) => `${expr}: there is no metric ${name}`),
    ...labels.filter((label) => !known.includes(label)).map((label) => `${expr}: none of its metrics has ${label}`),
  ]
}

const filesOf = (folder: string, end: string) =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(end))
    .map((file) => ({ file, text: readFileSync(join(ROOT, folder, file), 'utf8') }))

describe('the check of expressions', () => {
  test('finds what it should', () => {
    const expr = 'histogram_quantile(0.9, sum by (le) (rate(agentos_run_duration_seconds_bucket{job=~"a.*"}[5m]))) > 1'
    expect(readNames(expr)).toEqual({ metrics: ['agentos_run_duration_seconds_bucket'], labels: ['le', 'job'] })
    expect(problemsOf(expr)).toEqual([])
    expect(problemsOf('rate(agentos_run_duration_bucket[5m])')).toHaveLength(1)
    expect(problemsOf('sum by (agent) (agentos_runs_active)')).toHaveLength(1)
    expect(problemsOf('sum(agentos_runs_active{outcome="x"})')).toHaveLength(1)
    expect(problemsOf('vector(1)')).toHaveLength(1)
  })
})

describe('alerts', () => {
  const alerts = filesOf(ALERTS, '.yaml').flatMap(({ text }) => readAlerts(text))

  test('are there, each under a name of its own', () => {
    expect(alerts.length).toBeGreaterThan(10)
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
  })

  test('ask for metrics and attributes that exist', () => {
    expect(alerts.flatMap(({ expr }) => problemsOf(expr))).toEqual([])
  })

  test('use in their texts only what their expression leaves', () => {
    const wrong = alerts.flatMap(({ name, expr, text }) =>
      [...text.matchAll(/\$labels\.(\w+)/g)]
        .map(([, label = '']) => label)
        .filter((label) => !expr.includes(label))
        .map((label) => `${name}: ${label}`),
    )
    expect(wrong).toEqual([])
  })

  test('have a severity, a summary, a description and a runbook, and no runbook has no alert', () => {
    const pages = alerts.map(({ name, text }) => {
      for (const part of [/severity: (critical|warning|info)\n/, /summary: '.+'\n/, /description: '.+'\n/]) {
        expect([name, part.test(text)]).toEqual([name, true])
      }
      const path = /runbook_url: docs\/runbooks\/(\S+)/.exec(text)?.[1] ?? ''
      expect(readFileSync(join(ROOT, RUNBOOKS, path), 'utf8').split('\n')[0]).toBe(`# ${name}`)
      return path
    })
    const found = filesOf(RUNBOOKS, '.md').map(({ file }) => file)
    expect(found.filter((file) => file !== 'README.md').toSorted()).toEqual(pages.toSorted())
  })

  test('are tested by promtool: each with series it fires on, and with series it does not', () => {
    const cases = filesOf(ALERT_TESTS, '.yaml').flatMap(({ text }) =>
      [...text.matchAll(/alertname: (\w+)[^[]*?exp_alerts:( \[\])?/g)].map(
        ([, name = '', nothing]) => `${name} ${nothing === undefined ? 'fires' : 'does not'}`,
      ),
    )
    const missing = alerts.flatMap(({ name }) => [`${name} fires`, `${name} does not`])
    expect(missing.filter((wanted) => !cases.includes(wanted))).toEqual([])
  })

  test('runbooks ask for metrics that exist', () => {
    const known = new Set([...LABELS.keys(), ...Object.values(METRICS).map(prometheusName)])
    const unknown = filesOf(RUNBOOKS, '.md').flatMap(({ file, text }) =>
      [...text.matchAll(/\b(?:agentos|gen_ai|http_server|db_client|nodejs|process)_\w+/g)]
        .map(([name]) => name)
        .filter((name) => !known.has(name) && ![...LABELS.values()].some((labels) => labels.includes(name)))
        .map((name) => `${file}: ${name}`),
    )
    expect(unknown).toEqual([])
  })
})

describe('dashboards', () => {
  type Source = { readonly type: string; readonly uid: string }
  type Panel = {
    readonly title: string
    readonly datasource: Source
    readonly fieldConfig: { readonly defaults: { readonly unit?: string } }
    readonly targets: readonly {
      readonly expr: string
      readonly legendFormat: string
      readonly datasource: Source
    }[]
  }
  type Dashboard = { readonly uid: string; readonly panels: readonly Panel[] }
  const panels = filesOf(DASHBOARDS, '.json').flatMap(({ text }) => (JSON.parse(text) as Dashboard).panels)

  test('ask for metrics and attributes that exist', () => {
    expect(panels.length).toBeGreaterThan(20)
    expect(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => problemsOf(expr)))).toEqual([])
  })

  test('have panels with a title and a unit, from the data source that is chosen above them', () => {
    const chosen = { type: 'prometheus', uid: '${datasource}' }
    for (const { title, datasource, fieldConfig, targets } of panels) {
      expect(title).toMatch(/^[A-Z]/)
      expect([title, fieldConfig.defaults.unit]).toEqual([title, expect.stringMatching(/./)])
      for (const source of [datasource, ...targets.map((target) => target.datasource)]) expect(source).toEqual(chosen)
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
  })

  test('name their lines by attributes that exist', () => {
    const known = new Set([...LABELS.values()].flat())
    const unknown = panels.flatMap(({ targets }) =>
      targets.flatMap(({ legendFormat }) => [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name)),
    )
    expect(unknown.filter((name) => !known.has(name))).toEqual([])
  })

  test('show every metric', () => {
    const asked = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => readNames(expr).metrics)))
    const unseen = Object.values(METRICS)
      .map(prometheusName)
      .filter((name) => ![name, `${name}_bucket`, `${name}_count`].some((shown) => asked.has(shown)))
    expect(unseen).toEqual([])
  })
})
