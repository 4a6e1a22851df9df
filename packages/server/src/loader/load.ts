/**
 * Loads an agents folder inside its worker: imports every module, finds the agents and their ids, has each prepared, and
 * reports file by file.
 * Invariant: what it accepts is complete. Strict: every file is good. Partial: every agent listed is whole.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { type Agent, isAgent, isDefinition, isKnowledge, type Tool } from '@agentos/sdk'
import type { AgentInfo, FileReport, Manifest } from '../base/runnable.ts'
import { discoverModules, type ModuleFile } from './discover.ts'
import { describeFailure } from './failure.ts'
import { type CheckBase, checkKnowledge, collectKnowledge, type Declared, type FolderBase } from './knowledge.ts'
import { type Exported, nameAgents } from './naming.ts'
import type { WorkerInit } from './protocol.ts'

/** An agent of the folder with what stands beside it. */
export type Found = {
  readonly agent: Agent
  readonly id: string
  /** Path relative to the agents folder. */
  readonly file: string
  /** Text of `instructions.md` beside agent.ts. */
  readonly instructions: string | undefined
  /** Id of the knowledge base that the folder `knowledge/` beside agent.ts is. */
  readonly knowledge: string | undefined
  /** Tools of the modules in `tools/` beside agent.ts. */
  readonly tools: readonly Tool[]
}

export type LoadResult =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly files: readonly FileReport[] }

export type LoadWatch = {
  /** Called before a file is imported, and with null when all are. */
  readonly onImport?: (path: string | null) => void
  /** Takes the errors that nobody handled since the last call; they count against the file just imported. */
  readonly takeStrays?: () => readonly unknown[]
}

export type LoadChecks = {
  /** Makes an agent ready to run; what it throws is the error of the agent's file. */
  readonly prepare: (found: Found) => Promise<AgentInfo>
  /** Looks at a knowledge base; what it throws is the error of the base's file. */
  readonly checkBase: CheckBase
}

export async function loadFolder(
  init: Pick<WorkerInit, 'directory' | 'root' | 'origin' | 'policy' | 'settled'>,
  { prepare, checkBase }: LoadChecks,
  watch: LoadWatch = {},
): Promise<LoadResult> {
  const { modules, odd } = discoverModules(init.directory)
  const reports = createReports(init.settled)
  for (const { path, reason } of odd) reports.skip(path, reason)

  const importFile = createImporter(init, reports, watch)
  const exported: Exported[] = []
  const declared: Declared[] = []
  const tools = new Map<string, readonly Tool[]>()
  for (const module of modules) {
    const found = await importAgent(module, importFile, reports)
    exported.push(...found.exported)
    declared.push(...found.knowledge)
    tools.set(module.path, found.tools)
  }
  watch.onImport?.(null)

  const { named, reexporting, problems } = nameAgents(exported)
  for (const { path, detail } of problems) reports.fail(path, detail)
  for (const path of reexporting) reports.skip(path, 're-exports agents of other files')
  const bases = collectKnowledge(declared, foldersOf(modules), checkBase)
  for (const { path, detail } of bases.problems) reports.fail(path, detail)
  const defined = bases.found.map(({ info }) => info.id)
  const agents: AgentInfo[] = []
  for (const one of named) {
    const module = modules.find(({ path }) => path === one.file)
    try {
      const info = await prepare({
        ...one,
        instructions: readInstructions(init, module),
        knowledge: module?.knowledge === undefined ? undefined : module.defaultId,
        tools: tools.get(one.file) ?? [],
      })
      checkKnowledge(info, defined)
      agents.push(info)
      reports.load(one.file, [one.id])
    } catch (error) {
      const detail = describeFailure(error, init)
      reports.fail(one.file, detail.includes(`"${one.id}"`) ? detail : `agent "${one.id}": ${detail}`)
    }
  }

  // A file with one bad agent is bad: its other agents do not serve either.
  const whole = agents.filter(({ file }) => !reports.isSettled(file))
  const files = reports.list()
  const failed = files.some(({ outcome }) => outcome === 'error')
  if (failed && (init.policy === 'strict' || whole.length === 0)) return { ok: false, files }
  const knowledge = bases.found.filter(({ file }) => !reports.isSettled(file)).map(({ info }) => info)
  return { ok: true, manifest: { agents: whole, knowledge, files } }
}

function foldersOf(modules: readonly ModuleFile[]): FolderBase[] {
  return modules.flatMap(({ path, defaultId, knowledge }) =>
    knowledge === undefined ? [] : [{ id: defaultId, file: path, folder: knowledge }],
  )
}

type Reports = ReturnType<typeof createReports>

/** One report per file; the first error of a file stays. */
function createReports(settled: readonly FileReport[]) {
  const reports = new Map<string, FileReport>(settled.map((report) => [report.path, report]))
  const isSettled = (path: string) => reports.get(path)?.outcome === 'error'
  return {
    isSettled,
    skip: (path: string, detail: string) => {
      if (!reports.has(path)) reports.set(path, { path, outcome: 'skipped', runnables: [], detail })
    },
    fail: (path: string, detail: string) => {
      if (!isSettled(path)) reports.set(path, { path, outcome: 'error', runnables: [], detail })
    },
    load: (path: string, runnables: readonly string[]) => {
      if (isSettled(path)) return
      const before = reports.get(path)
      const all = before?.outcome === 'loaded' ? [...before.runnables, ...runnables] : runnables
      reports.set(path, { path, outcome: 'loaded', runnables: all, detail: null })
    },
    list: () => [...reports.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

type Importer = (path: string) => Promise<Readonly<Record<string, unknown>> | undefined>

/** Imports one file at a time, so that a loop, an exit or a stray rejection has a name. */
function createImporter(
  init: Pick<WorkerInit, 'directory' | 'root' | 'origin'>,
  reports: Reports,
  watch: LoadWatch,
): Importer {
  return async (path) => {
    if (reports.isSettled(path)) return undefined
    watch.onImport?.(path)
    const url = pathToFileURL(join(init.directory, path)).href
    try {
      // A module namespace is a record of its exports.
      const namespace = (await import(url)) as Record<string, unknown>
      // Rejections that nobody handled are known once the event loop has turned.
      await nextTurn()
      const [stray] = watch.takeStrays?.() ?? []
      if (stray === undefined) return namespace
      reports.fail(path, `a promise was rejected and nobody handled it: ${describeFailure(stray, init)}`)
    } catch (error) {
      reports.fail(path, describeFailure(error, init))
      await nextTurn()
      watch.takeStrays?.()
    }
    return undefined
  }
}

async function importAgent(
  module: ModuleFile,
  importFile: Importer,
  reports: Reports,
): Promise<{ exported: Exported[]; knowledge: Declared[]; tools: readonly Tool[] }> {
  const tools = new Set<Tool>()
  const broken: string[] = []
  for (const path of module.tools) {
    const namespace = await importFile(path)
    if (namespace === undefined) {
      broken.push(path)
      continue
    }
    const own = exportsOf(namespace).flatMap(([, value]) => (isTool(value) ? [value] : []))
    for (const tool of own) tools.add(tool)
    if (own.length === 0) reports.skip(path, 'exports no tool: export what tool() returns')
    else reports.load(path, [])
  }
  const namespace = await importFile(module.path)
  if (namespace === undefined) return { exported: [], knowledge: [], tools: [] }
  if (broken.length > 0) {
    reports.fail(module.path, `not loaded because of ${broken.join(' and ')}`)
    return { exported: [], knowledge: [], tools: [] }
  }
  const knowledge: Declared[] = []
  const exported: Exported[] = []
  for (const [name, value] of exportsOf(namespace)) {
    const bases = [value, ...knowledgeOf(value)].filter(isKnowledge)
    knowledge.push(...bases.map((base) => ({ knowledge: base, file: module.path })))
    if (isAgent(value)) exported.push({ agent: value, name, file: module.path, defaultId: module.defaultId })
  }
  if (exported.length === 0 && knowledge.length > 0) reports.load(module.path, [])
  else if (exported.length === 0) reports.skip(module.path, 'exports no agent: export what agent() returns')
  return { exported, knowledge, tools: [...tools] }
}

/** What an agent names as its knowledge, which nobody may export. */
function knowledgeOf(value: unknown): readonly unknown[] {
  return isAgent(value) && 'knowledge' in value.options ? [value.options.knowledge] : []
}

function readInstructions(
  { directory }: Pick<WorkerInit, 'directory'>,
  module: ModuleFile | undefined,
): string | undefined {
  return module?.instructions === undefined ? undefined : readFileSync(join(directory, module.instructions), 'utf8')
}

function isTool(value: unknown): value is Tool {
  return isDefinition(value, 'tool')
}

/** Of a CommonJS module, Node tells all of `module.exports` under this name, and guesses at the rest. */
const COMMONJS = 'module.exports'

function exportsOf(namespace: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  const exports = namespace[COMMONJS]
  if (exports === undefined) return Object.entries(namespace)
  if (typeof exports !== 'object' || exports === null || isAgent(exports) || isTool(exports) || isKnowledge(exports))
    return [['default', exports]]
  return Object.entries(exports)
}
