import { expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { findStaleGoldens } from './golden.ts'

test('renders what the kept files show', async () => {
  const { helm4 } = await installChartTools()
  const stale = await findStaleGoldens(helm4, { write: false })
  expect(stale, 'See what changed with `node tools/chart-golden.ts --write` and `git diff`.').toEqual([])
})
