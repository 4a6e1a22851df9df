/**
 * Documents on their way into the database and out of it, a part at a time.
 * @module
 */
import { open } from 'node:fs/promises'
import { UPLOAD_PART_BYTES } from '../storage/knowledge/contents.ts'

/** A file, in parts as the database keeps them. */
export async function* partsOfFile(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path, 'r')
  for (;;) {
    const part = Buffer.allocUnsafe(UPLOAD_PART_BYTES)
    const { bytesRead } = await file.read(part, 0, part.length)
    if (bytesRead === 0) return
    yield part.subarray(0, bytesRead)
  }
}

/** A text in UTF-8, in parts as the database keeps them. */
export async function* partsOfText(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += UPLOAD_PART_BYTES) yield bytes.subarray(at, at + UPLOAD_PART_BYTES)
}

/**
 * Writes `parts` to a new file.
 * @returns how many bytes it has
 */
export async function writeParts(path: string, parts: AsyncIterable<Uint8Array>): Promise<number> {
  await using file = await open(path, 'wx', 0o600)
  let bytes = 0
  for await (const part of parts) {
    await file.appendFile(part)
    bytes += part.length
  }
  return bytes
}
