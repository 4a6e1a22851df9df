/**
 * Compares what the chart renders with the files that are kept of it.
 *
 *   node tools/chart-golden.ts             name those that differ
 *   node tools/chart-golden.ts --write     write them anew
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { findStaleGoldens } from './chart/golden.ts'
import { installHelm } from './helm-install.ts'

const { values } = parseArgs({ options: { write: { type: 'boolean' } } })
const write = values.write ?? false
const stale = await findStaleGoldens(await installHelm(4), { write })
for (const name of stale) console.log(`${write ? 'wrote' : 'differs:'} ${name}`)
if (stale.length > 0 && !write) process.exitCode = 1
