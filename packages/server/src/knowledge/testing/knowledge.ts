/**
 * Knowledge on a real store for tests, with a reader that takes each line for a chunk and an embedder that counts.
 * @module
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import type { Chunk, DocumentReader } from '../../base/document.ts'
import type { Embedder, Embedders } from '../../base/embedding.ts'
import { createIds } from '../../base/ids.ts'
import type { KnowledgeInfo } from '../../base/knowledge.ts'
import type { Database } from '../../storage/database.ts'
import type { KnowledgeStore } from '../../storage/knowledge/store.ts'
import { createLog } from '../../telemetry/log.ts'
import { DEFAULT_BASE } from '../bases.ts'
import { type Knowledge, type KnowledgeDeps, type KnowledgeOptions, startKnowledge } from '../knowledge.ts'

export const BASE: KnowledgeInfo = { ...DEFAULT_BASE, id: 'base', name: 'Base' }

export type CountingEmbedder = Embedder & {
  /** Every text it was given, in order. */
  readonly asked: string[]
  /** Called before it answers. */
  before: (texts: readonly string[]) => Promise<void> | void
}

/** Vectors of two numbers: how many vowels a text has, and how long it is. */
export function countingEmbedder(name = 'fake:vowels'): CountingEmbedder {
  const asked: string[] = []
  const embedder: CountingEmbedder = {
    name,
    dimensions: 2,
    asked,
    before: () => {},
    async embed(texts, signal, purpose) {
      await embedder.before(texts)
      signal.throwIfAborted()
      if (purpose !== 'query') asked.push(...texts)
      return texts.map((text) => new Float32Array([(text.match(/[aeiou]/gi)?.length ?? 0) + 0.1, text.length]))
    },
  }
  return embedder
}

export function embeddersOf(...all: readonly Embedder[]): Embedders {
  return {
    standard: all[0],
    resolve: (name) => {
      const found = all.find((embedder) => embedder.name === name)
      if (found === undefined) throw new TypeError(`no embedder ${name}`)
      return found
    },
    problem: () => undefined,
  }
}

/** Each line that is not blank is a chunk. */
export function lineReader(before: (line: string) => Promise<void> | void = () => {}): DocumentReader {
  return {
    check: () => {},
    async *read({ source }) {
      const text = source.kind === 'file' ? await readFile(source.path, 'utf8') : JSON.stringify(source)
      let index = 0
      for (const line of text.split('\n')) {
        await before(line)
        if (line.trim() !== '') yield [{ index: index++, text: line, metadata: {} } satisfies Chunk]
      }
    },
    close: async () => {},
  }
}

const ids = createIds(systemClock)
const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

export type TestKnowledge = Knowledge & {
  /** How jobs have left it. */
  readonly outcomes: string[]
  /** Resolves when `isDone` holds. */
  readonly until: (isDone: () => Promise<boolean> | boolean) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

type Place = { readonly database: Database; readonly store: KnowledgeStore }

export async function openTestKnowledge(
  { database, store }: Place,
  given: Partial<KnowledgeDeps> & { readonly options?: Partial<KnowledgeOptions> } = {},
): Promise<TestKnowledge> {
  const directory = await mkdtemp(join(tmpdir(), 'agentos-knowledge-'))
  const outcomes: string[] = []
  const knowledge = startKnowledge(
    {
      replicaId: ids.uuid(),
      jobs: 2,
      leaseMs: 3000,
      pollMs: 100,
      maxAttempts: 3,
      retry: { baseMs: 10, maxMs: 20 },
      maxBytes: 1_000_000,
      keepUploads: true,
      directory,
      questionMs: 5000,
      embedderRestMs: 30_000,
      ...given.options,
    },
    {
      db: database.db,
      background: database.background,
      store,
      embedders: { standard: undefined, resolve: () => countingEmbedder(), problem: () => undefined },
      reader: lineReader(),
      abilities: { readers: [], chunkers: [], readersForType: {}, hasModel: false },
      remotes: [],
      defined: () => [BASE],
      folder: () => undefined,
      clock: systemClock,
      ids,
      log,
      hint: () => {},
      onHint: () => () => {},
      onJob: ({ outcome }) => void outcomes.push(outcome),
      ...given,
    },
  )
  const close = async () => {
    await knowledge.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { ...knowledge, outcomes, until, close, [Symbol.asyncDispose]: close }
}

async function until(isDone: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** An agents folder with these files, by path. */
export async function openFolder(files: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), 'agentos-folder-'))
  const write = async (path: string, text: string) => {
    await mkdir(join(directory, dirname(path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  for (const [path, text] of Object.entries(files)) await write(path, text)
  return {
    directory,
    write,
    remove: (path: string) => rm(join(directory, path)),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}
