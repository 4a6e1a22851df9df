/**
 * Texts parted into calls that a provider takes. Pure.
 * @module
 */

export type BatchLimits = {
  readonly texts: number
  /** As {@link estimateTokens} counts. */
  readonly tokens: number
}

/** Part of a list: from the first index up to, not including, the second. */
export type Batch = readonly [from: number, to: number]

/** In their order, each as large as the limits allow; a text above the limit stands alone. */
export function partTexts(texts: readonly string[], limits: BatchLimits): Batch[] {
  const batches: Batch[] = []
  let from = 0
  let tokens = 0
  for (const [index, text] of texts.entries()) {
    const more = estimateTokens(text)
    if (index > from && (index - from >= limits.texts || tokens + more > limits.tokens)) {
      batches.push([from, index])
      from = index
      tokens = 0
    }
    tokens += more
  }
  if (texts.length > from) batches.push([from, texts.length])
  return batches
}

/** A third of its bytes: more than English takes, about what other scripts do. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 3)
}
