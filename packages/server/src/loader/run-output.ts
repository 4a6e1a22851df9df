/**
 * Whose line is it: what agent code prints while a run is executed carries the ids of that run, however deep in the code
 * and however late it is printed. Lines go the way of all others, over the thread's own streams, with their ids before
 * them; {@link readMarked} takes them apart again on the main thread.
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { isJsonObject, type JsonObject, parseJson } from '../base/json.ts'
import { createLineSplitter, type LineSplitter } from './lines.ts'

export type RunOutput = {
  /** Runs `code`; what it prints carries `fields`. */
  readonly run: <T>(fields: JsonObject, code: () => Promise<T>) => Promise<T>
  /** The fields of the code that is running; empty where it belongs to no run. */
  readonly fields: () => JsonObject
}

/** The part of a stream that is used here. */
export type PrintStream = Pick<NodeJS.WriteStream, 'write'>

/** Agent code has no reason to print it: the separator of units, of ASCII. */
const MARK = '\u001F'
/** Room for the ids before a line, in characters. */
export const MAX_MARK_CHARS = 2048

type Scope = { readonly fields: JsonObject; readonly splitters: Map<PrintStream, LineSplitter> }

/** Takes over `write` of the streams, for the lifetime of this thread. */
export function createRunOutput(streams: readonly PrintStream[]): RunOutput {
  const current = new AsyncLocalStorage<Scope>()
  for (const stream of streams) markLines(stream, () => current.getStore())
  return {
    async run(fields, code) {
      const scope: Scope = { fields, splitters: new Map() }
      try {
        return await current.run(scope, code)
      } finally {
        for (const splitter of scope.splitters.values()) splitter.flush()
      }
    },
    fields: () => current.getStore()?.fields ?? {},
  }
}

function markLines(stream: PrintStream, scopeOf: () => Scope | undefined): void {
  const write = stream.write.bind(stream)
  let hasRoom = true
  const splitterOf = ({ fields, splitters }: Scope) => {
    const known = splitters.get(stream)
    if (known !== undefined) return known
    const mark = MARK + JSON.stringify(fields) + MARK
    const splitter = createLineSplitter((line) => {
      hasRoom = write(`${mark}${line}\n`)
    })
    splitters.set(stream, splitter)
    return splitter
  }
  function writeMarked(
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    callback?: (error?: Error | null) => void,
  ): boolean {
    const scope = scopeOf()
    // The overloads of `write` take both shapes; a call hands on what it got.
    if (scope === undefined) return write(chunk, encoding as BufferEncoding, callback)
    const given = typeof encoding === 'string' ? encoding : undefined
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, given) : Buffer.from(chunk)
    splitterOf(scope).push(bytes.toString())
    const done = typeof encoding === 'function' ? encoding : callback
    // An empty write is over when those before it are.
    if (done !== undefined) write('', done)
    return hasRoom
  }
  stream.write = writeMarked
}

/** A line of a thread's stream, with the ids that stood before it. */
export function readMarked(line: string): { readonly text: string; readonly fields: JsonObject } {
  const end = line.startsWith(MARK) ? line.indexOf(MARK, 1) : -1
  const fields = end === -1 ? undefined : parseJson(line.slice(1, end))
  if (fields === undefined || !isJsonObject(fields)) return { text: line, fields: {} }
  return { text: line.slice(end + 1), fields }
}
