/**
 * Asks promtool about the alerts: whether it can read them, and whether they fire when they should and only then.
 *
 *   node tools/promtool.ts
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { installPromtool } from './promtool-install.ts'

const ROOT = join(import.meta.dirname, '..')
/** Of the server, and those that only the chart has. */
const RULES = ['observability/alerts/*.yaml', 'charts/agentos/files/alerts-*.yaml']
const TESTS = ['observability/tests/*.yaml']

async function runPromtool(promtool: string, command: 'check' | 'test', patterns: readonly string[]): Promise<boolean> {
  const files = globSync(patterns, { cwd: ROOT }).toSorted()
  // Without a file promtool reads its standard input, and finds nothing wrong with it.
  if (files.length === 0) throw new Error(`There is no file ${patterns.join(' or ')}.`)
  const child = spawn(promtool, [command, 'rules', ...files], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}

const promtool = await installPromtool()
const isReadable = await runPromtool(promtool, 'check', RULES)
if (!isReadable || !(await runPromtool(promtool, 'test', TESTS))) process.exitCode = 1
