/**
 * Files of one request on their way: written to disk while they arrive, with their size and hash, removed afterwards.
 * @module
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AgentOSError } from '../../base/errors.ts'
import type { Upload } from '../../base/upload.ts'

/** What files are sent for; each has limits of its own (`HttpSettings.uploads`). */
export type UploadKind = 'knowledge' | 'media'

/** Files that the form of a route may carry beside its fields. */
export type UploadRules = { readonly kind: UploadKind; readonly fields: readonly string[] }

export type FileLimits = {
  /** Fields that may carry files; a file in any other one is refused. */
  readonly fields: readonly string[]
  /** Of this process; exists. */
  readonly directory: string
  /** Largest file, in bytes. */
  readonly fileBytes: number
  /** Most bytes of all files together. */
  readonly totalBytes: number
  readonly count: number
}

export type Spool = {
  /** @throws {AgentOSError} BODY_TOO_LARGE, INVALID_REQUEST */
  readonly take: (
    part: Pick<Upload, 'field' | 'filename' | 'mimeType'>,
    data: AsyncIterable<Uint8Array>,
  ) => Promise<void>
  readonly uploads: () => readonly Upload[]
  readonly discard: () => Promise<void>
}

export function createSpool(limits: FileLimits): Spool {
  const uploads: Upload[] = []
  const paths: string[] = []
  let left = limits.totalBytes

  return {
    async take(part, data) {
      if (!limits.fields.includes(part.field)) {
        const known = limits.fields.map((name) => JSON.stringify(name)).join(' or ')
        const message = `Field ${JSON.stringify(part.field)} takes no file; send it in ${known}`
        throw new AgentOSError('INVALID_REQUEST', message)
      }
      if (uploads.length === limits.count) {
        throw new AgentOSError('BODY_TOO_LARGE', `The form has more than ${limits.count} files`)
      }
      const path = join(limits.directory, randomUUID())
      paths.push(path)
      await using file = await open(path, 'wx', 0o600)
      const written = await write(file, data, Math.min(limits.fileBytes, left), limits)
      left -= written.bytes
      uploads.push({ ...part, path, ...written })
    },
    uploads: () => uploads,
    discard: async () => {
      await Promise.all(paths.map((path) => rm(path, { force: true })))
    },
  }
}

async function write(
  file: FileHandle,
  data: AsyncIterable<Uint8Array>,
  most: number,
  { fileBytes, totalBytes }: FileLimits,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of data) {
    bytes += piece.length
    if (bytes > most) {
      const limit = bytes > fileBytes ? `a file is larger than ${fileBytes}` : `the files are larger than ${totalBytes}`
      throw new AgentOSError('BODY_TOO_LARGE', `The upload is too large: ${limit} bytes`)
    }
    hash.update(piece)
    await file.appendFile(piece)
  }
  return { bytes, sha256: hash.digest('hex') }
}
