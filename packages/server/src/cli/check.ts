/**
 * `agentos check DIR`: loads a folder as the server would, reports every file and ends.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileReport } from '../base/runnable.ts'
import type { LoadStatus } from '../loader/registry.ts'
import { openRegistry } from '../main.ts'
import { agentsDirectory, openCommand } from './process.ts'

/** @returns 0 when every file loaded and there is an agent, else 1 */
export async function check(typed: string | undefined): Promise<number> {
  const command = openCommand({ AGENTOS_WATCH: 'false', AGENTOS_LOG_LEVEL: 'warn', AGENTOS_LOG_FORMAT: 'pretty' })
  const directory = agentsDirectory(command, typed)
  const scratch = await mkdtemp(join(tmpdir(), 'agentos-check-'))
  const quiet = { ...command.deps.log, error: () => {} }
  const registry = openRegistry(
    { config: command.config, agentsDirectory: directory },
    // The report says what the loader would log as an error.
    { clock: command.deps.clock, log: quiet },
    scratch,
  )
  try {
    const status = await registry.reload()
    console.log(describe(directory, status))
    return status.state === 'ready' && status.files.every(({ outcome }) => outcome !== 'error') ? 0 : 1
  } finally {
    await registry.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

function describe(directory: string, { state, files, error }: LoadStatus): string {
  const errors = files.filter(({ outcome }) => outcome === 'error').length
  const agents = files.flatMap(({ runnables }) => runnables).length
  const lines = files.map(describeFile)
  // An error that belongs to a file stands there already.
  if (errors === 0 && error !== null) lines.push(error)
  const verdict = state === 'ready' && errors === 0 ? 'ok' : 'not ok'
  lines.push(
    '',
    `${verdict}: ${count(agents, 'agent')}, ${count(files.length, 'file')}, ${count(errors, 'error')} in ${directory}`,
  )
  return lines.join('\n')
}

function describeFile({ path, outcome, runnables, detail }: FileReport): string {
  const what = outcome === 'loaded' ? runnables.join(', ') : (detail ?? '')
  return `${outcome.padEnd(8)} ${path}${what === '' ? '' : `  ${what.replaceAll('\n', '\n         ')}`}`
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`
