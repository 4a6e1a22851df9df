/**
 * What a message says of a look-up that was made for it. The documents stand in its content, where the model reads them,
 * and are read from there again: they are stored once.
 * @module
 */

/** The documents are the JSON list that the content has from `from` up to, not including, `to`. */
export type Retrieval = {
  readonly query: string
  readonly durationMs: number
  readonly from: number
  readonly to: number
}
