/**
 * The bytes of what is attached to messages, in chunks under their hash, and which runs refer to them. Bytes come before
 * the run that refers to them; what nobody refers to is deleted after a while.
 *
 * A whole file is never in memory here: it is written and read chunk by chunk, each in a statement of its own.
 * @module
 */
import { sql } from 'kysely'
import type { Media } from '../base/media.ts'
import type { Db } from './tables.ts'
import { jsonText, textArray } from './values.ts'

/** Bytes of a chunk but the last; what is stored already has them too. A parameter travels as text of twice that. */
export const CHUNK_BYTES = 524_288

export type Content = {
  /** SHA-256 of the bytes, hexadecimal. */
  readonly hash: string
  readonly bytes: number
  /** The bytes in order, in pieces of any size. */
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/**
 * Stores bytes, if they are not there already. Whoever stores the same at the same time, or has died half-way, writes the
 * same chunks, so neither harms the other.
 */
export async function storeContent(db: Db, { hash, bytes, pieces }: Content): Promise<void> {
  const { rows } = await sql<{ complete: boolean }>`
    insert into agentos_media_contents as c (content_hash, bytes) values (${hash}, ${bytes})
    on conflict (content_hash) do update set touched_at = now()
    returning complete`.execute(db)
  if (rows[0]?.complete === true) return
  let place = 0
  for await (const chunk of rechunk(pieces)) {
    await sql`
      insert into agentos_media_chunks (content_hash, place, content) values (${hash}, ${place}, ${chunk}::bytea)
      on conflict (content_hash, place) do nothing`.execute(db)
    place++
  }
  await sql`update agentos_media_contents set complete = true, touched_at = now() where content_hash = ${hash}`.execute(
    db,
  )
}

async function* rechunk(pieces: Content['pieces']): AsyncGenerator<Uint8Array> {
  let held = Buffer.alloc(0)
  for await (const piece of pieces) {
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece])
    let from = 0
    for (; held.length - from >= CHUNK_BYTES; from += CHUNK_BYTES) yield held.subarray(from, from + CHUNK_BYTES)
    held = held.subarray(from)
  }
  if (held.length > 0) yield held
}

/**
 * The bytes under a hash, chunk by chunk; nothing for a hash that is not stored.
 * @param first the first byte that is wanted, from 0
 * @param last the last one
 */
export async function* readContent(
  db: Db,
  hash: string,
  { first = 0, last = Infinity }: { readonly first?: number; readonly last?: number } = {},
): AsyncGenerator<Uint8Array> {
  for (let place = Math.floor(first / CHUNK_BYTES); place * CHUNK_BYTES <= last; place++) {
    const from = Math.max(0, first - place * CHUNK_BYTES)
    const count = Math.min(CHUNK_BYTES, last - place * CHUNK_BYTES + 1) - from
    // The column is stored uncompressed and out of line, so only what is asked for is read.
    const { rows } = await sql<{ content: Uint8Array }>`
      select substring(content from ${from + 1}::integer for ${count}::integer) as content
      from agentos_media_chunks where content_hash = ${hash} and place = ${place}`.execute(db)
    const chunk = rows[0]?.content
    if (chunk === undefined) return
    yield chunk
  }
}

export type StoredMedia = {
  readonly mediaId: string
  readonly hash: string
  readonly bytes: number
  readonly mimeType: string
  readonly name: string | null
}

/** What a run of that session refers to under that id. @returns undefined when none does */
export async function findMedia(db: Db, sessionId: string, mediaId: string): Promise<StoredMedia | undefined> {
  const { rows } = await sql<StoredMedia>`
    select m.media_id as "mediaId", m.content_hash as hash, c.bytes, m.mime_type as "mimeType", m.name
    from agentos_media m join agentos_runs r using (run_id) join agentos_media_contents c using (content_hash)
    where m.media_id = ${mediaId} and r.session_id = ${sessionId} and c.complete
    limit 1`.execute(db)
  return rows[0]
}

/** A run that is there refers to something more. @returns false when the run is gone */
export async function addMedia(db: Db, runId: string, media: Media, keep: boolean): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into agentos_media (run_id, media_id, content_hash, mime_type, name, keep)
    select run_id, given.* from agentos_runs, (${mediaRows([media], keep)}) given where run_id = ${runId}
    on conflict (run_id, media_id) do nothing`.execute(db)
  return (numAffectedRows ?? 0n) > 0n
}

/** A query of what runs refer to, as `(media_id, content_hash, mime_type, name, keep)`; what has a URL is not stored here. */
export function mediaRows(media: readonly Media[], keep: boolean) {
  const stored = media.flatMap(({ id, mimeType, name = null, stored: at }) =>
    at === undefined ? [] : [{ media_id: id, content_hash: at.hash, mime_type: mimeType, name }],
  )
  return sql`
      select media_id, content_hash, mime_type, name, ${keep}::boolean as keep
      from jsonb_to_recordset(${jsonText(stored)}::jsonb)
        as given (media_id text, content_hash text, mime_type text, name text)`
}

/**
 * Lets go of what ended runs were not to keep.
 * @returns how many references there were
 */
export async function dropPassingMedia(db: Db): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from agentos_media m using agentos_runs r
    where not m.keep and r.run_id = m.run_id and r.finished_at is not null`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Somebody who brought the same bytes may be about to store the run that refers to them. */
const JUST_BROUGHT = sql`interval '1 minute'`

/**
 * Deletes those of some contents that no run refers to any more; what somebody brought just now is left to
 * {@link deleteUnusedContents}.
 * @returns how many
 */
export async function deleteContents(db: Db, hashes: readonly string[]): Promise<number> {
  if (hashes.length === 0) return 0
  const { numAffectedRows } = await sql`
    delete from agentos_media_contents where content_hash in (
      select content_hash from agentos_media_contents c
      where content_hash = any(${textArray(hashes)}::text[]) and touched_at <= now() - ${JUST_BROUGHT}
        and not exists (select from agentos_media m where m.content_hash = c.content_hash)
      for update skip locked
    )`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

export type UnusedContents = {
  /** By the clock of the database; long enough for whoever stores bytes to store the run that refers to them. */
  readonly unusedMinutes: number
  /** Most contents to delete. */
  readonly batch: number
}

/**
 * Deletes bytes that no run refers to.
 * @returns how many contents; fewer than `batch` when no more are left
 */
export async function deleteUnusedContents(db: Db, { unusedMinutes, batch }: UnusedContents): Promise<number> {
  // Somebody who refers to a content at this moment holds its row, and keeps it.
  const { numAffectedRows } = await sql`
    delete from agentos_media_contents where content_hash in (
      select content_hash from agentos_media_contents c
      where touched_at <= now() - ${unusedMinutes}::integer * interval '1 minute'
        and not exists (select from agentos_media m where m.content_hash = c.content_hash)
      limit ${batch}::integer
      for update skip locked
    )`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
