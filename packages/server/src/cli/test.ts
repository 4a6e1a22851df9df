/**
 * `agentos test DIR`: runs the `*.test.*` files of a folder with Node's test runner, under the hooks that the server loads
 * agents with, so that the same imports mean the same modules.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { agentsDirectory, openCommand } from './process.ts'

/** @returns 0 when all tests passed, 1 when one failed or there is none */
export async function runTests(typed: string | undefined): Promise<number> {
  const command = openCommand()
  const directory = await realpath(agentsDirectory(command, typed))
  const files: string[] = []
  const isPackage = (path: string) => /(^|[/\\])node_modules([/\\]|$)/.test(path)
  for await (const file of glob('**/*.test.{ts,tsx,mts,js,mjs}', { cwd: directory, exclude: isPackage })) {
    files.push(join(directory, file))
  }
  if (files.length === 0) {
    console.error(`There are no tests (*.test.ts) in ${directory}. See docs/how-to/test-an-agent.md.`)
    return 1
  }
  const preload = new URL('test-preload.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--import', preload, '--test', ...files.toSorted()], {
    cwd: directory,
    stdio: 'inherit',
    env: { ...command.config.agentEnv, AGENTOS_TEST_DIRECTORY: directory },
  })
  const forward = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  const [code] = (await once(child, 'exit')) as [number | null]
  process.off('SIGINT', forward).off('SIGTERM', forward)
  return code ?? 1
}
