/**
 * Pages and files that are made from others: the reference of settings, errors and metrics from tables of the code, and those
 * of the Helm chart. `docs.test.ts` holds them to it.
 *
 *   node tools/docs.ts --write
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ERRORS } from '../packages/server/src/base/errors.ts'
import { SET_UP_SETTINGS, SETTINGS } from '../packages/server/src/config/settings.ts'
import {
  ATTRIBUTES,
  type Metric,
  METRIC_GROUPS,
  prometheusName,
} from '../packages/server/src/telemetry/metrics-table.ts'
import { renderChartFiles } from './chart/files.ts'

export type Page = {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
}

const NOTICE = '<!-- Made by `node tools/docs.ts --write`. Change the table in the code, not this page. -->'

/** Every generated page as it should be. */
function renderPages(root: string): readonly Page[] {
  return [
    { path: 'docs/reference/configuration.md', text: renderConfiguration() },
    { path: 'docs/reference/errors.md', text: renderErrors() },
    { path: 'docs/reference/metrics.md', text: renderMetrics() },
    ...renderChartFiles(root),
  ]
}

/** Pages that differ from the code, or are missing. */
export async function findStalePages(root: string): Promise<readonly Page[]> {
  const pages = await Promise.all(
    renderPages(root).map(async (page) => ({
      page,
      found: await readFile(join(root, page.path), 'utf8').catch(() => ''),
    })),
  )
  return pages.filter(({ page, found }) => page.text !== found).map(({ page }) => page)
}

type Shape = {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
}

const ABOUT_SETTINGS = `# Configuration

${NOTICE}

Every setting is an environment variable. There is no configuration file, and \`.env\` files are not read.

- The server checks all of them at the start. With a wrong one it prints each problem on a line of its own and exits with 2.
- A variable that begins with \`AGENTOS_\` and is not in this list is refused, with the name that was probably meant.
  Variables that Kubernetes makes for the services around a pod (\`AGENTOS_SERVICE_HOST\`, \`AGENTOS_PORT=tcp://...\`) are left alone.
- An empty variable counts as unset.
- Flags take \`true\`, \`1\`, \`yes\`, \`on\` and \`false\`, \`0\`, \`no\`, \`off\`.
- *secret*: never logged, never part of an error, and taken out of the environment that agents see.

\`agentos db-init\` and the chart's \`init-db.sh\` have variables of their own, under [Database set-up](#database-set-up). There a variable that begins
with \`INITDB_\` and is not in the list is refused.

The keys of model providers are not settings of the server:
[Use a real model](../how-to/use-a-real-model.md) lists them. \`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\` apply to calls of model providers.
`

function renderConfiguration(): string {
  const groups = Map.groupBy(Object.entries({ ...SETTINGS, ...SET_UP_SETTINGS }), ([, { group }]) => group)
  const sections = [...groups].map(([group, settings]) => {
    const rows = settings.map(([name, setting]) => {
      // The schemas are zod's, which write themselves as JSON Schema.
      const shape = setting.schema.toJSONSchema({ io: 'output', unrepresentable: 'any' }) as Shape
      const secret = 'secret' in setting ? ' *secret*' : ''
      const fallback = setting.schema.safeParse(undefined).data
      return row([
        code(name) + secret,
        fallback === undefined ? '' : code(String(fallback)),
        describe(shape),
        setting.about,
      ])
    })
    return [`## ${group}`, '', ...tableHead('Variable', 'Default', 'Values', 'Meaning'), ...rows, ''].join('\n')
  })
  return [ABOUT_SETTINGS, ...sections].join('\n')
}

function describe({ type, enum: choices, minimum, maximum, minLength }: Shape): string {
  if (choices !== undefined) return choices.map(code).join(', ')
  if (type === 'integer') return `${showNumber(minimum)} to ${showNumber(maximum)}`
  if (type === 'boolean') return 'flag'
  if (type === 'array') return 'list, separated by commas'
  return minLength !== undefined && minLength > 1 ? `text, ${minLength} characters or more` : 'text'
}

function showNumber(value: number | undefined): string {
  return value === undefined ? '' : String(value).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, String.raw` `)
}

const ABOUT_ERRORS = `# Errors

${NOTICE}

A failure that the server chose to report has a code. The code is \`error_id\` in an answer and in a \`RunError\` event, and it
is never renamed and never used for something else. An answer looks like this:

\`\`\`json
{"detail": "Agent not found", "error_id": "AGENT_NOT_FOUND", "next": "GET /agents lists the agents that this revision serves."}
\`\`\`

- \`detail\` of a 422 is a list with one entry for each field that is wrong, and there is no \`next\`.
- A failure that nobody foresaw is INTERNAL. Its answer has a \`request_id\` and no details; those are in the log.
- TOO_MANY_RUNS, DRAINING, NO_REVISION and DATABASE_UNAVAILABLE come with \`Retry-After\`, in seconds.

*Status* is the HTTP status when a request fails with the error. A failure that happens inside a run does not change the
status of the answer: a streamed run ends with a \`RunError\` event, another one is answered 200 with \`status: "ERROR"\`, and
the run is stored with the code. A failure that stops the start is printed before the server exits.
`

function renderErrors(): string {
  const rows = Object.entries(ERRORS).map(([name, { status, next }]) => row([code(name), String(status), next]))
  return [ABOUT_ERRORS, ...tableHead('Code', 'Status', 'What to do'), ...rows, ''].join('\n')
}

const ABOUT_METRICS = `# Metrics

${NOTICE}

Every replica measures itself. The same values come out in three ways:

| Way | Switched on by |
| --- | --- |
| Prometheus: \`GET /metrics\` on a port of its own, without a key | \`AGENTOS_METRICS_PORT\` |
| OTLP over gRPC, pushed to a collector every \`OTEL_METRIC_EXPORT_INTERVAL\` milliseconds | \`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT\` or \`OTEL_EXPORTER_OTLP_ENDPOINT\` |
| JSON: \`GET /api/metrics\`, with the key | always on |

- Counters and histograms count since the process started. What has not happened yet has no value, or is 0.
- A metric has at most 2 000 combinations of attributes; what comes beyond them is counted under \`otel_metric_overflow\`.
- Readings of the database are at most five seconds old, that of its size a minute. While it does not answer they have no value.
- Costs come from list prices, which \`AGENTOS_MODEL_PRICES\` replaces model by model:
  \`{"openai:gpt-5-mini": {"input": 0.25, "output": 2, "cacheRead": 0.025}}\`, in US dollars per million tokens.

[Runbooks](../runbooks/README.md) has the alerts that are made from them.
`

function renderMetrics(): string {
  const sections = Object.entries(METRIC_GROUPS).map(([title, metrics]) => {
    const rows = Object.values(metrics).map((metric: Metric) =>
      row([
        code(metric.name),
        code(prometheusName(metric)),
        `${METRIC_KINDS[metric.kind]}, ${code(metric.unit)}`,
        metric.attributes.map(code).join(', '),
        metric.about,
      ]),
    )
    return [
      `## ${title}`,
      '',
      ...tableHead('Metric', 'In Prometheus', 'Kind', 'Attributes', 'Meaning'),
      ...rows,
      '',
    ].join('\n')
  })
  const attributes = Object.entries(ATTRIBUTES).map(([name, about]) => row([code(name), about]))
  const about = 'Dots are underscores in Prometheus. Beside these, every value has the attributes of its process.'
  const last = ['## Attributes', '', about, '', ...tableHead('Attribute', 'Meaning'), ...attributes, ''].join('\n')
  return [ABOUT_METRICS, ...sections, last].join('\n')
}

const METRIC_KINDS: Readonly<Record<Metric['kind'], string>> = {
  counter: 'counter',
  total: 'counter',
  histogram: 'histogram',
  updown: 'gauge',
  gauge: 'gauge',
}

function tableHead(...titles: string[]): string[] {
  return [row(titles), row(titles.map(() => '---'))]
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`
}

function code(text: string): string {
  return `\`${text}\``
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const stale = await findStalePages(root)
  if (process.argv.includes('--write')) {
    for (const { path, text } of stale) await writeFile(join(root, path), text)
    console.log(
      stale.length === 0 ? 'Every page was up to date.' : `Written: ${stale.map(({ path }) => path).join(', ')}`,
    )
  } else if (stale.length > 0) {
    console.error(`Out of date: ${stale.map(({ path }) => path).join(', ')}. Run \`node tools/docs.ts --write\`.`)
    process.exitCode = 1
  }
}
