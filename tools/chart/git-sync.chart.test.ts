import { expect, test } from 'vitest'
import { readFlags } from '../../e2e/git-sync/flags.ts'
import { installChartTools } from './commands.ts'
import { listScenarios, renderObjects } from './helm.ts'
import { containersOf, findPods } from './objects.ts'

test('the chart gives git-sync only flags that it has, and the stand-in of the tests takes them as they are', async () => {
  const { helm4 } = await installChartTools()
  const given: string[] = []
  for (const { name, file } of listScenarios()) {
    const objects = await renderObjects({ helm: helm4, valuesFiles: [file] })
    for (const container of findPods(objects).flatMap(containersOf)) {
      if (!container.name.startsWith('git-sync')) continue
      const flags = readFlags((container.args ?? []).filter((arg) => arg.startsWith('--')))
      expect([name, flags.link, flags.root]).toEqual([name, 'current', '/git'])
      expect([name, flags.isOneTime || flags.maxFailures]).toEqual([name, flags.isOneTime || -1])
      given.push(name)
    }
  }
  expect(given).toEqual(expect.arrayContaining(['gitsync-ssh', 'gitsync-github-app', 'gitsync-once', 'requirements']))
})
