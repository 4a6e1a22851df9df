/**
 * The migrations of this release: numbered files of plain SQL that never change once they are released.
 * @module
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

const DIRECTORY = new URL('./migrations/', import.meta.url)
const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/
/** What the first line says when servers of the release before can go on. */
const ADDITIVE = /^-- additive\b/

/** Where it is noted which migrations were applied. */
export const MIGRATIONS_TABLE = 'agentos_migrations'

export type Migration = {
  readonly version: number
  readonly name: string
  readonly text: string
  /** SHA-256 of the text, in hexadecimal. */
  readonly checksum: string
  /** Whether servers that do not know it work as well with it as without. */
  readonly additive: boolean
}

/** The migrations of this release, oldest first. */
export async function readMigrations(directory: URL = DIRECTORY): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const version = FILE.exec(name)?.[1]
      if (version === undefined) throw new TypeError(`migrations/${name} must be named 0000_lower_case.sql`)
      // A checkout may have changed the line ends.
      const text = (await readFile(new URL(name, directory), 'utf8')).replaceAll('\r\n', '\n')
      const checksum = createHash('sha256').update(text).digest('hex')
      return { version: Number(version), name, text, checksum, additive: ADDITIVE.test(text) }
    }),
  )
}
