/**
 * Which files of an agents folder are looked at: modules at its top level, and `agent.ts` in a directory per agent with
 * its instructions and tools beside it. Only names decide; nothing is imported here.
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A module that may export agents. Paths are relative to the folder, with `/`. */
export type ModuleFile = {
  readonly path: string
  /** Id of an agent that names none: of the directory, else of the file. */
  readonly defaultId: string
  /** `instructions.md` beside an `agent.ts`. */
  readonly instructions: string | undefined
  /** The folder `knowledge/` beside an `agent.ts`. */
  readonly knowledge: string | undefined
  /** Modules in `tools/` beside an `agent.ts`. */
  readonly tools: readonly string[]
}

export type Discovered = {
  readonly modules: readonly ModuleFile[]
  /** Directories that look like an agent's and are not, with the reason. */
  readonly odd: readonly { readonly path: string; readonly reason: string }[]
}

const MODULE = /^(.+)\.(ts|tsx|mts|js|mjs)$/
const NOT_A_MODULE = /\.(test|spec)\.\w+$|\.d\.m?ts$/

/** Whether a name is left alone wherever it stands: dot-names, installed packages, bytecode of Python. */
export function isIgnored(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules' || name === '__pycache__'
}

/**
 * Lists the modules of `directory`, in a fixed order: directories of agents first, then top-level files.
 * @throws when the directory cannot be read
 */
export function discoverModules(directory: string): Discovered {
  const top = list(directory, '')
  const odd: { path: string; reason: string }[] = []
  const modules: ModuleFile[] = []
  for (const { name } of top.directories) {
    const found = agentIn(directory, name, name)
    if (found !== undefined) modules.push(found)
    if (name !== 'agents') continue
    for (const inner of list(directory, 'agents').directories) {
      const agent = agentIn(directory, inner.path, inner.name)
      if (agent === undefined) odd.push({ path: inner.path, reason: 'no agent.ts in this directory' })
      else modules.push(agent)
    }
  }
  for (const { path, name } of top.files) {
    if (isModule(name))
      modules.push({ path, defaultId: stem(name), instructions: undefined, knowledge: undefined, tools: [] })
  }
  return { modules, odd }
}

function agentIn(directory: string, folder: string, id: string): ModuleFile | undefined {
  const { files, directories } = list(directory, folder)
  const agent = files.find(({ name }) => isModule(name) && stem(name) === 'agent')
  if (agent === undefined) return undefined
  const instructions = `${folder}/instructions.md`
  const knowledge = directories.find(({ name }) => name === 'knowledge')
  const tools = directories.some(({ name }) => name === 'tools') ? list(directory, `${folder}/tools`).files : []
  return {
    path: agent.path,
    defaultId: id,
    knowledge: knowledge?.path,
    instructions: existsSync(join(directory, instructions)) ? instructions : undefined,
    tools: tools.filter(({ name }) => isModule(name)).map(({ path }) => path),
  }
}

type Entry = { readonly name: string; readonly path: string }

function list(directory: string, folder: string): { files: Entry[]; directories: Entry[] } {
  const files: Entry[] = []
  const directories: Entry[] = []
  for (const name of readdirSync(join(directory, folder)).toSorted()) {
    if (isIgnored(name)) continue
    const entry = { name, path: folder === '' ? name : `${folder}/${name}` }
    const stat = statSync(join(directory, entry.path), { throwIfNoEntry: false })
    if (stat?.isFile()) files.push(entry)
    else if (stat?.isDirectory()) directories.push(entry)
  }
  return { files, directories }
}

function isModule(name: string): boolean {
  return MODULE.test(name) && !NOT_A_MODULE.test(name)
}

function stem(name: string): string {
  return MODULE.exec(name)?.[1] ?? name
}
