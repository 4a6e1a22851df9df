import { beforeAll, expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { listScenarios, renderNotes, type Values } from './helm.ts'

let helm: string
beforeAll(async () => {
  helm = (await installChartTools()).helm4
})

const DATABASE = { database: { host: 'db.example.com' } }

const CASES: readonly (readonly [string, Values, RegExp])[] = [
  ['one pod', DATABASE, /one (pod|replica)|replicaCount/i],
  ['no key', { auth: { insecure: true } }, /insecure|without a key|everybody/i],
  [
    'an embedded database that ends with the pod',
    { auth: { insecure: true } },
    /ends with the pod|existingClaim|lost/i,
  ],
  [
    'a drain longer than Cluster Autoscaler waits',
    { ...DATABASE, drain: { timeoutSeconds: 900 } },
    /600|Cluster Autoscaler/i,
  ],
]

test.each(CASES)('the notes warn of %s', async (_what, values, warning) => {
  expect(await renderNotes({ helm, values })).toMatch(warning)
})

test('the notes of every scenario can be rendered, and none shows a template', async () => {
  for (const { file } of listScenarios()) {
    const notes = await renderNotes({ helm, valuesFiles: [file] })
    expect(notes.length).toBeGreaterThan(100)
    expect(notes).not.toMatch(/\{\{|<no value>|%!/)
  }
})
