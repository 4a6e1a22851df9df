/**
 * git as a command, blind to the settings of the user and the machine.
 * @module
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

const ENV = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
}

/**
 * @param folder that git works in
 * @returns what it printed, without the last line break
 * @throws {Error} with git's words when it fails or `timeoutMs` passes
 */
export async function git(folder: string, args: readonly string[], timeoutMs = 30_000): Promise<string> {
  const safe = ['-c', 'safe.directory=*', '-c', 'gc.auto=0', '-c', 'maintenance.auto=false']
  const { stdout } = await run('git', [...safe, '-C', folder, ...args], { env: ENV, timeout: timeoutMs })
  return stdout.trimEnd()
}
