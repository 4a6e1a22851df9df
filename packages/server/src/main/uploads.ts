/**
 * Where files wait while the request that brought them is handled: a directory of this process, and how much may be in it.
 * @module
 */
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Config } from '../config/load.ts'
import type { HttpSettings } from '../http/deps.ts'

/** No request and no reading of a document takes so long: what is older was left by a process that was killed. */
const ABANDONED_MS = 24 * 3_600_000

export type UploadDirectory = {
  readonly path: string
  /** Removes it with all that is in it. */
  readonly close: () => Promise<void>
}

/** @param dataDirectory may belong to other processes too */
export async function openUploadDirectory(dataDirectory: string, clock: Clock): Promise<UploadDirectory> {
  const place = join(dataDirectory, 'uploads')
  await mkdir(place, { recursive: true })
  for (const name of await readdir(place)) {
    const left = join(place, name)
    const { mtimeMs } = await stat(left).catch(() => ({ mtimeMs: Infinity }))
    if (mtimeMs < clock.now() - ABANDONED_MS) await rm(left, { recursive: true, force: true })
  }
  const path = await mkdtemp(join(place, 'process-'))
  return { path, close: () => rm(path, { recursive: true, force: true }) }
}

export function uploadLimits(settings: Config['settings']): HttpSettings['uploads'] {
  const document = settings.AGENTOS_KNOWLEDGE_UPLOAD_BYTES
  const media = settings.AGENTOS_MEDIA_BYTES
  return {
    knowledge: { fileBytes: document, totalBytes: document, count: 1 },
    media: { fileBytes: media, totalBytes: media, count: 32 },
  }
}
