import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { installChartTools, type ChartTools } from './commands.ts'
import { bothHelms, CHART, lintChart, listScenarios, renderChart, runHelm } from './helm.ts'

const run = promisify(execFile)

/** What a user of the chart has no use for. */
const NOT_PACKED = /^(\..*|README\.md\.gotmpl|ci\/.*|tests\/.*)$/

let tools: ChartTools
beforeAll(async () => {
  tools = await installChartTools()
})

test('a package of either Helm holds what the chart needs and nothing else, and renders the same', async () => {
  const files = globSync('**/*', { cwd: CHART, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(CHART.length + 1))
  const expected = files.filter((file) => !NOT_PACKED.test(file)).map((file) => `agentos/${file}`)
  expect(expected).toEqual(
    expect.arrayContaining(['agentos/Chart.yaml', 'agentos/files/init-db.sh', 'agentos/README.md']),
  )
  const [scenario] = listScenarios().filter(({ name }) => name === 'requirements')
  const valuesFiles = [scenario?.file ?? '']
  for (const [major, helm] of bothHelms(tools)) {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'agentos-package-'))
    expect(await runHelm(helm, ['package', CHART, '--destination', folder.path])).toMatchObject({ code: 0 })
    // The name says the version, which is the server's.
    const [archive = '', ...others] = globSync(join(folder.path, '*'))
    expect([major, others, archive]).toEqual([major, [], expect.stringMatching(/\/agentos-\d+\.\d+\.\d+\.tgz$/)])
    const { stdout } = await run('tar', ['-tzf', archive])
    expect([major, stdout.trim().split('\n').toSorted()]).toEqual([major, expected.toSorted()])
    expect([major, await lintChart({ helm, chart: archive, valuesFiles })]).toEqual([major, ''])
    const packed = await renderChart({ helm, chart: archive, valuesFiles })
    expect(packed).toEqual(await renderChart({ helm, valuesFiles }))
  }
})
