/**
 * What a provider says that its answer rests on: pages that it has searched, documents that it was given.
 * @module
 */
export type Source =
  | { readonly type: 'url'; readonly url: string; readonly title?: string }
  | { readonly type: 'document'; readonly title: string; readonly fileName?: string; readonly citedText?: string }

/** Most sources of one answer. */
const MOST = 200

/** `sources` with `more`, each once. */
export function addSource(sources: readonly Source[], more: Source): readonly Source[] {
  const same = sources.some((known) =>
    known.type === 'url'
      ? more.type === 'url' && known.url === more.url
      : more.type === 'document' && known.title === more.title && known.citedText === more.citedText,
  )
  return same || sources.length >= MOST ? sources : [...sources, more]
}
