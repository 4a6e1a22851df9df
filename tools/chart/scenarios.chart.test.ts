import { beforeAll, describe, expect, test } from 'vitest'
import { type ChartTools, installChartTools } from './commands.ts'
import { bothHelms, lintChart, listScenarios, renderChart } from './helm.ts'
import { findInvalidObjects } from './kubeconform.ts'
import { KUBERNETES_VERSIONS } from './schemas.ts'

const INSTALL_TIMEOUT_MS = 1_800_000
const SCENARIOS = listScenarios()

let tools: ChartTools
beforeAll(async () => {
  tools = await installChartTools()
}, INSTALL_TIMEOUT_MS)

describe.concurrent.each(SCENARIOS)('$name', ({ file }) => {
  test('passes the strict lint of Helm 3 and of Helm 4', async () => {
    for (const [, helm] of bothHelms(tools)) expect(await lintChart({ helm, valuesFiles: [file] })).toBe('')
  })

  test.each(KUBERNETES_VERSIONS)(
    'renders to objects that Kubernetes %s knows, the same with both Helms',
    async (kubernetes) => {
      const options = { valuesFiles: [file], kubernetes: kubernetes.slice(1) }
      const [three, four] = await Promise.all(bothHelms(tools).map(([, helm]) => renderChart({ helm, ...options })))
      expect(four).toMatchObject({ ok: true })
      // They differ in blank lines.
      expect(three?.ok && three.objects).toEqual(four?.ok && four.objects)
      const manifest = four?.ok ? four.manifest : ''
      expect(await findInvalidObjects(tools, kubernetes, manifest)).toEqual([])
    },
  )
})

test('a field that the API does not know is found, in core and custom resources', async () => {
  const manifest = `apiVersion: v1
kind: Service
metadata: {name: a}
spec: {ports: [{port: 1, protocl: TCP}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b}
spec: {hosts: [a], http: [{timeout: 1s, retrys: {}}]}
---
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata: {name: c}
`
  const problems = await findInvalidObjects(tools, 'v1.36.3', manifest)
  expect(problems.toSorted()).toEqual([
    expect.stringMatching(/^ExternalSecret c: .*could not find schema/),
    expect.stringMatching(/^Service a: .*protocl/),
    expect.stringMatching(/^VirtualService b: .*retrys/),
  ])
})
