/**
 * What went wrong with a file of the agents folder, in words and with the lines of source around the place. Paths are
 * those of the author's folder, never of the snapshot.
 * @module
 */
import { readFileSync } from 'node:fs'
import { extname, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AgentOSError } from '../base/errors.ts'
import { diagnoseJavaScript, SourceError } from './transform.ts'

export type Place = {
  /** Agents folder as imported. */
  readonly directory: string
  /** Root of the snapshot. */
  readonly root: string
  /** What the snapshot is a copy of. */
  readonly origin: string
}

type Position = { readonly path: string; readonly line: number; readonly column: number }

/** Lines of source shown before and after the one that failed. */
const CONTEXT_LINES = 2
/** Causes followed; a longer chain says nothing more. */
const MAX_CAUSES = 3

/**
 * Describes an error of agent code.
 * @returns one sentence, the causes, and a code frame where a source is known; several lines
 */
export function describeFailure(error: unknown, place: Place): string {
  if (!(error instanceof Error)) return `it threw ${show(error)}, which is not an Error`
  if (error instanceof SourceError) return [error.message, error.frame].filter((part) => part !== '').join('\n')
  if (error.name === 'SyntaxError') {
    const found = diagnose(error, place)
    if (found !== undefined) return describeFailure(found, place)
  }
  const position = findPosition(error, place)
  const next = error instanceof AgentOSError ? [error.next] : []
  const lines = [`${titleOf(error)}${shorten(error.message, place)}`, ...next, ...causesOf(error, place)]
  if (position !== undefined) lines.push(...frameOf(position, place))
  return lines.join('\n')
}

function titleOf(error: Error): string {
  const name = error.constructor.name === 'Object' ? error.name : error.name || error.constructor.name
  return name === 'Error' || name === 'AgentOSError' ? '' : `${name}: `
}

function causesOf(error: Error, place: Place): string[] {
  const lines: string[] = []
  let cause = error.cause
  while (cause !== undefined && lines.length < MAX_CAUSES) {
    lines.push(`caused by ${cause instanceof Error ? titleOf(cause) + shorten(cause.message, place) : show(cause)}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return lines
}

/** Node names the place in a CommonJS file only; the parser shows it. */
function diagnose(error: Error, place: Place): SourceError | undefined {
  const header = HEADER.exec(error.stack ?? '')?.[1]
  if (header === undefined || !['.js', '.mjs', '.cjs'].includes(extname(header)) || !isOurs(header, place))
    return undefined
  return diagnoseJavaScript(relative(place.directory, header), readFileSync(header, 'utf8'), 'commonjs')
}

/** What comes before the stack of an error that compiling or linking made: place, source, caret. */
const HEADER = /^(?:file:\/\/)?(\/.+?):(\d+)\n.*\n( *)\^/

/** The first place in the folder's own sources: what failed to link, or where the stack passes. */
function findPosition(error: Error, place: Place): Position | undefined {
  const stack = error.stack ?? ''
  const [, linked, at, indent = ''] = HEADER.exec(stack) ?? []
  if (linked !== undefined && isOurs(linked, place))
    return { path: linked, line: Number(at), column: indent.length + 1 }
  for (const [, path = '', line, column] of stack.matchAll(/(?:file:\/\/)?(\/[^\n()]+?):(\d+):(\d+)\)?$/gm)) {
    const decoded = path.includes('%') ? fileURLToPath(`file://${path}`) : path
    if (isOurs(decoded, place)) return { path: decoded, line: Number(line), column: Number(column) }
  }
  return undefined
}

function isOurs(path: string, { root }: Place): boolean {
  return path.startsWith(root + sep) && !path.slice(root.length).includes(`${sep}node_modules${sep}`)
}

function frameOf({ path, line, column }: Position, place: Place): string[] {
  let source: string[]
  try {
    source = readFileSync(path, 'utf8').split('\n')
  } catch (error) {
    return [`at ${relative(place.directory, path)}:${line} (${error instanceof Error ? error.message : 'unreadable'})`]
  }
  const first = Math.max(1, line - CONTEXT_LINES)
  const last = Math.min(source.length, line + CONTEXT_LINES)
  const width = String(last).length
  const lines = [`at ${relative(place.directory, path)}:${line}:${column}`]
  for (let number = first; number <= last; number++) {
    const text = (source[number - 1] ?? '').slice(0, 200)
    lines.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text}`.trimEnd())
    if (number === line) lines.push(`  ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`)
  }
  return lines
}

/** Replaces paths of the snapshot by those of the folder. */
function shorten(text: string, { directory, root, origin }: Place): string {
  const above = resolve(origin)
  return text
    .replaceAll(`${pathToFileURL(directory).href}/`, '')
    .replaceAll(directory + sep, '')
    .replaceAll(pathToFileURL(root).href, above)
    .replaceAll(root, above)
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}
