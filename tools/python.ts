/**
 * Whether this machine has the Python that some tests are installed with.
 * @module
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** @returns why nothing can be installed with pip; undefined when it can */
export async function whyNoPip(): Promise<string | undefined> {
  try {
    await run('python3', ['-m', 'pip', '--version'])
    return undefined
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    return `python3 with pip is not installed (${stderr.trim().split('\n').at(-1) || message})`
  }
}
