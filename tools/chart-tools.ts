/**
 * Installs what the tests of the chart need, some minutes of one core the first time.
 *
 *   node tools/chart-tools.ts     print the path of each command, one NAME=PATH a line
 *
 * @module
 */
import { installChartTools } from './chart/commands.ts'

for (const [name, path] of Object.entries(await installChartTools())) console.log(`${name}=${path}`)
