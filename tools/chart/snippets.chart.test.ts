import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { installChartTools } from './commands.ts'
import { renderChart, type Values } from './helm.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGES = ['docs/how-to/deploy-on-kubernetes.md', 'charts/agentos/README.md']

let helm: string
beforeAll(async () => {
  helm = (await installChartTools()).helm4
}, 60_000)

test.each(PAGES)(
  '%s: every block of YAML is a values file that renders',
  async (page) => {
    const snippets = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^( *)```yaml\n([\s\S]*?)^\1```$/gm)]
    expect(snippets.length).toBeGreaterThan(0)
    for (const [, , snippet = ''] of snippets) {
      // Values, or Helm says that they are not.
      const rendering = await renderChart({ helm, values: parse(snippet) as Values })
      expect([snippet, rendering.ok ? '' : rendering.error]).toEqual([snippet, ''])
    }
  },
  60_000,
)
