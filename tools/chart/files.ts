/**
 * Files of the Helm chart that are made from others: its README with the table of values, and the copies of alerts and
 * dashboards, because a chart can only read what is in its own folder.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export type ChartFile = {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
}

export type DescribedValue = {
  /** Keys down to it, joined by dots. */
  readonly name: string
  /** As JSON. */
  readonly fallback: string
  readonly about: string
}

const CHART = 'charts/agentos'
const MARK = '<!-- values -->'

/** Every such file as it should be. */
export function renderChartFiles(root: string): readonly ChartFile[] {
  const read = (path: string) => readFileSync(join(root, path), 'utf8')
  const table = describeValues(read(`${CHART}/values.yaml`)).map(
    ({ name, fallback, about }) => `| \`${name}\` | \`${cell(fallback)}\` | ${cell(about)} |`,
  )
  const values = ['| Value | Default | Meaning |', '| --- | --- | --- |', ...table].join('\n')
  return [
    { path: `${CHART}/README.md`, text: read(`${CHART}/README.md.gotmpl`).replace(MARK, () => values) },
    { path: `${CHART}/files/alerts.yaml`, text: read('observability/alerts/agentos.yaml') },
    ...readdirSync(join(root, 'observability/dashboards')).map((name) => ({
      path: `${CHART}/files/dashboards/${name}`,
      text: read(`observability/dashboards/${name}`),
    })),
  ]
}

/**
 * The values of a chart, in the order of the file. What has a comment that begins with `# -- ` is one of them, and nothing
 * in it is; comments go on over several lines.
 * @throws {Error} with the names of values that have no comment
 */
export function describeValues(text: string): readonly DescribedValue[] {
  const values: unknown = parse(text)
  const described: DescribedValue[] = []
  const silent: string[] = []
  let path: { readonly key: string; readonly indent: number }[] = []
  let about: string[] = []
  let skipBelow: number | undefined
  for (const line of text.split('\n')) {
    const [, spaces = '', rest = ''] = /^( *)(.*)$/.exec(line) ?? []
    const indent = spaces.length
    if (rest === '') continue
    if (skipBelow !== undefined && (indent > skipBelow || rest.startsWith('- '))) continue
    skipBelow = undefined
    if (rest.startsWith('# -- ')) about = [rest.slice('# -- '.length)]
    else if (rest.startsWith('# ')) about = about.length === 0 ? [] : [...about, rest.slice('# '.length)]
    const [, key] = /^([A-Za-z]\w*):/.exec(rest) ?? []
    if (key === undefined) continue
    path = [...path.filter((step) => step.indent < indent), { key, indent }]
    const value = path.reduce((parent, step) => (isMap(parent) ? parent[step.key] : undefined), values)
    const name = path.map((step) => step.key).join('.')
    if (about.length > 0) {
      described.push({ name, fallback: JSON.stringify(value), about: about.join(' ') })
      skipBelow = indent
    } else if (!isMap(value) || Object.keys(value).length === 0) silent.push(name)
    about = []
  }
  if (silent.length > 0) throw new Error(`values.yaml says nothing about ${silent.join(', ')}: write # -- above.`)
  return described
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
