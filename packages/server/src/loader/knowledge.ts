/**
 * The knowledge bases of an agents folder: those that its modules define, and folders `knowledge/` beside an agent. Pure.
 * @module
 */
import { posix } from 'node:path'
import type { Knowledge } from '@agentos/sdk'
import { CHUNKER_KEYS, isChunkerKey } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { isJsonObject, toJson } from '../base/json.ts'
import { DEFAULT_MAX_RESULTS, type KnowledgeInfo, PLAIN_BASE } from '../base/knowledge.ts'
import type { AgentInfo } from '../base/runnable.ts'

/** A knowledge base that a module exports, or that an agent of it names. */
export type Declared = { readonly knowledge: Knowledge; readonly file: string }

/** Looks at a base as its module defines it. @throws {AgentOSError} what cannot be with it */
export type CheckBase = (base: KnowledgeInfo) => void

/** A folder beside an agent. */
export type FolderBase = { readonly id: string; readonly file: string; readonly folder: string }

export type KnowledgeFound = {
  /** Every base once, under its id, with the file that it belongs to. */
  readonly found: readonly { readonly info: KnowledgeInfo; readonly file: string }[]
  readonly problems: readonly { readonly path: string; readonly detail: string }[]
}

/**
 * A base that several modules name belongs to the first one. One of the id of a folder's agent that names no sources is
 * that folder, with the settings it gives.
 * @param check what it throws of a base is a problem of the base's file
 */
export function collectKnowledge(
  declared: readonly Declared[],
  folders: readonly FolderBase[],
  check: CheckBase,
): KnowledgeFound {
  const found: { info: KnowledgeInfo; file: string }[] = []
  const problems: { path: string; detail: string }[] = []
  const owners = [...Map.groupBy(declared, ({ knowledge }) => knowledge).values()].flatMap((all) => all.slice(0, 1))
  for (const [id, same] of Map.groupBy(owners, ({ knowledge }) => knowledge.options.id)) {
    const [own, ...others] = same
    if (own === undefined) continue
    for (const { file } of others) {
      problems.push({
        path: file,
        detail: `knowledge "${id}" is defined in ${own.file} too; ids are unique in the folder`,
      })
    }
    const folder = folders.find((base) => base.id === id)
    try {
      const info = describe(own, folder)
      check(info)
      found.push({ info, file: own.file })
    } catch (error) {
      problems.push({ path: own.file, detail: detailOf(error, id) })
    }
  }
  for (const base of folders) {
    if (found.some(({ info }) => info.id === base.id)) continue
    found.push({ info: { ...PLAIN_BASE, id: base.id, name: base.id, sources: globsOf(base) }, file: base.file })
  }
  return { found, problems }
}

/** @throws whatever is not about the base */
function detailOf(error: unknown, id: string): string {
  if (error instanceof AgentOSError) return `knowledge "${id}": ${error.message}`
  if (error instanceof TypeError) return error.message
  throw error
}

function globsOf({ folder }: FolderBase): string[] {
  return [`${folder}/**`]
}

/** @throws {TypeError} for a chunker that there is not, and for metadata that JSON cannot hold */
function describe({ knowledge, file }: Declared, folder: FolderBase | undefined): KnowledgeInfo {
  const {
    id,
    name,
    description,
    sources,
    embedder,
    chunker,
    chunkSize,
    chunkOverlap,
    searchType,
    maxResults,
    metadata,
  } = knowledge.options
  if (chunker !== undefined && !isChunkerKey(chunker)) {
    throw new TypeError(`knowledge "${id}": chunker "${chunker}" is unknown; there are ${CHUNKER_KEYS.join(', ')}`)
  }
  const json = toJson(metadata ?? {}, `metadata of knowledge "${id}"`)
  const directory = posix.dirname(file)
  return {
    id,
    name: name ?? id,
    description: description ?? null,
    sources: sources?.map((glob) => posix.join(directory, glob)) ?? (folder ? globsOf(folder) : []),
    embedder: embedder ?? null,
    chunker: chunker ?? null,
    chunkSize: chunkSize ?? null,
    chunkOverlap: chunkOverlap ?? null,
    searchType: searchType ?? null,
    maxResults: maxResults ?? DEFAULT_MAX_RESULTS,
    metadata: isJsonObject(json) ? json : {},
  }
}

/** Id of the base that there is where a folder defines none. */
const SOLE_BASE = 'default'

/**
 * @param defined ids of the bases of its folder
 * @throws {TypeError} when the agent names a base that nobody defines
 */
export function checkKnowledge(
  { knowledge, id }: Pick<AgentInfo, 'id' | 'knowledge'>,
  defined: readonly string[],
): void {
  const wanted = knowledge?.knowledgeId ?? null
  const known = defined.length === 0 ? [SOLE_BASE] : defined
  if (wanted === null || known.includes(wanted)) return
  const hint = `export knowledge({ id: '${wanted}' }) from a file`
  throw new TypeError(`agent "${id}": knowledge "${wanted}" is not defined, only ${known.join(', ')}; ${hint}`)
}
