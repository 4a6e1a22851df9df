/**
 * Agno's own Python client, which e2e runs against this server: installed once, with every version pinned.
 *
 *   node tools/agno-client.ts     print the path of a Python that has it
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installOnce } from './cache-folder.ts'

const run = promisify(execFile)
const REQUIREMENTS = join(import.meta.dirname, 'agno-client', 'requirements.txt')

/** @returns path of a Python interpreter that can import `agno.client` */
export async function installAgnoClient(): Promise<string> {
  const version = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
  const folder = await installOnce(`agno-client-${version.slice(0, 12)}`, async (venv) => {
    await run('python3', ['-m', 'venv', venv])
    await run(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', REQUIREMENTS])
  })
  return join(folder, 'bin', 'python')
}

if (import.meta.main) console.log(await installAgnoClient())
