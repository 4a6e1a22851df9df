/**
 * Removes what is left of contents that were deleted. Somebody may have been reading one, and may have died, or lost its
 * database, when it had written some of it and before it saw that its content was gone: searches would find that. So every
 * deletion is noted, looked at once more when no job can know the content any more, and forgotten.
 * Every replica looks; what one has removed is not there for the next.
 * @module
 */
import { startRounds } from '../base/rounds.ts'
import type { Db } from '../storage/database.ts'
import { deleteUntouchedDocuments, forgetDeletions, listDeletions } from '../storage/knowledge/orphans.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'

export type OrphanDeps = { readonly db: Db; readonly store: KnowledgeStore; readonly log: Log }

export type OrphanPacing = {
  /** Before the first look, in milliseconds. */
  readonly firstMs: number
  /** Between two looks, in milliseconds. */
  readonly everyMs: number
  /** How long ago a content was deleted that is looked at; its document has been untouched for half of it. */
  readonly minutes: number
}

export const ORPHAN_PACING: OrphanPacing = { firstMs: 60_000, everyMs: 3_600_000, minutes: 30 }

/** Deletions that are looked at together. */
const BATCH = 500

export function startOrphanRemoval(deps: OrphanDeps, pacing: OrphanPacing): { readonly close: () => Promise<void> } {
  return startRounds({
    waitMs: (round) => (round === 0 ? pacing.firstMs : pacing.everyMs),
    async work(closing) {
      const removed = await removeOrphans(deps, pacing.minutes, closing)
      if (removed > 0) deps.log.info('documents were removed whose content is gone', { documents: removed })
    },
    onError: (error) =>
      deps.log.warn('documents whose content is gone could not be looked for, trying again', { error }),
  })
}

async function removeOrphans({ db, store }: OrphanDeps, minutes: number, closing: AbortSignal): Promise<number> {
  let removed = 0
  while (!closing.aborted) {
    const { noted, gone } = await listDeletions(db, { minutes, limit: BATCH })
    if (noted.length === 0) break
    removed += await deleteUntouchedDocuments(store, gone, minutes / 2)
    await forgetDeletions(db, noted, minutes)
  }
  return removed
}
