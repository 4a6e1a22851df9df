/**
 * How far a tool may go.
 * @module
 */
export type ToolLimits = {
  /** Longest time of one call when its tool sets none, in milliseconds. */
  readonly toolTimeoutMs: number
  /** Largest result for the model, in bytes of UTF-8. */
  readonly toolResultBytes: number
}
