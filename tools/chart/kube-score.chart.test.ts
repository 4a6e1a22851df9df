import { beforeAll, expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { listScenarios, renderChart, type RenderOptions } from './helm.ts'
import { type Finding, OTHER_OPINIONS, scoreManifest } from './kube-score.ts'

let helm: string
let kubeScore: string
beforeAll(async () => {
  const tools = await installChartTools()
  helm = tools.helm4
  kubeScore = tools.kubeScore
})

async function score(options: Omit<RenderOptions, 'helm'>): Promise<readonly Finding[]> {
  const rendering = await renderChart({ helm, ...options })
  if (!rendering.ok) throw new Error(rendering.error)
  return scoreManifest(kubeScore, rendering.manifest)
}

test('kube-score finds nothing in the default objects but what stands among the other opinions, and all of that', async () => {
  const findings = await score({ values: { database: { host: 'db.example.com' } } })
  const known = Object.keys(OTHER_OPINIONS).toSorted()
  expect(findings.filter(({ check }) => !known.includes(check))).toEqual([])
  expect([...new Set(findings.map(({ check }) => check))].toSorted()).toEqual(known)
})

test('nor in what the requirements ask for', async () => {
  const file = listScenarios().find(({ name }) => name === 'requirements')?.file ?? ''
  const findings = await score({ valuesFiles: [file] })
  expect(findings.filter(({ check }) => OTHER_OPINIONS[check] === undefined)).toEqual([])
})
