/**
 * `agentos init DIR`: makes a folder of agents that runs, is tested and resolves in an editor without any registry: the
 * types of what agents import are copied beside it.
 * @module
 */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentOSError } from '../base/errors.ts'

const TEMPLATE = fileURLToPath(new URL('../../template', import.meta.url))
const COMMAND = fileURLToPath(new URL('../../bin/agentos.js', import.meta.url))
/** Copied sources and declarations, for editors only: the server always uses its own. */
const TYPES = '.agentos-types'

/** @returns 0; a folder that has something in it is left as it is */
export async function init(typed: string | undefined): Promise<number> {
  if (typed === undefined) {
    throw new AgentOSError(
      'INVALID_REQUEST',
      'agentos init needs the folder to make, for example: agentos init ./my-agents',
    )
  }
  const directory = resolve(typed)
  await mkdir(directory, { recursive: true })
  if ((await readdir(directory)).length > 0) {
    throw new AgentOSError('INVALID_REQUEST', `${directory} is not empty; agentos init makes a new folder`)
  }
  await cp(TEMPLATE, directory, { recursive: true })
  await copyTypes(join(directory, TYPES))
  // npm leaves a file of this name out of packages, so the template carries it under another.
  await writeFile(join(directory, '.gitignore'), 'node_modules/\n.agentos/\n')
  await fillIn(directory)
  const shown = relative(process.cwd(), directory) || '.'
  console.log(
    [
      `Made ${directory}`,
      '',
      `  npm run dev -- ${shown}            serve it while you edit`,
      `  npm run agentos -- check ${shown}  what the server will say to it`,
      `  npm run agentos -- test ${shown}   run its tests`,
    ].join('\n'),
  )
  return 0
}

async function copyTypes(directory: string): Promise<void> {
  const sdk = dirname(fileURLToPath(import.meta.resolve('@agentos/sdk')))
  const isSource = (path: string) => !/\.test(-d)?\.ts$/.test(path)
  await cp(sdk, join(directory, 'agentos-sdk'), { recursive: true, filter: isSource })
  const zod = dirname(fileURLToPath(import.meta.resolve('zod/package.json')))
  const isDeclaration = (path: string) => {
    const within = relative(zod, path)
    return (
      within === '' ||
      within === 'package.json' ||
      /^(index\.d\.ts|v4(\/(classic|core|locales)(\/.*)?|\/[^/]*)?)$/.test(within)
    )
  }
  const isNeeded = (path: string) => isDeclaration(path) && !/\.(c|m)?js$|\.d\.cts$/.test(path)
  await cp(zod, join(directory, 'zod'), { recursive: true, filter: isNeeded })
}

async function fillIn(directory: string): Promise<void> {
  for (const name of ['README.md', 'package.json']) {
    const path = join(directory, name)
    const text = await readFile(path, 'utf8')
    const filled = text
      .replaceAll(
        '{{name}}',
        basename(directory)
          .toLowerCase()
          .replaceAll(/[^a-z0-9-]+/g, '-'),
      )
      .replaceAll('{{agentos}}', relative(directory, COMMAND).replaceAll('\\', '/'))
    await writeFile(path, filled)
  }
}
