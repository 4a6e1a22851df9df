/**
 * What one request to a remote source may cost.
 * @module
 */

/** Largest listing, in bytes: a thousand files with long names. */
export const LIST_BYTES = 10_485_760
/** Longest listing, in milliseconds. */
export const LIST_MS = 30_000
/** Longest reading of a file, in milliseconds. */
export const FILE_MS = 300_000
