/**
 * Parts that most schemas share: JSON as types, ids, times, pages.
 * @module
 */
import { z } from 'zod'

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/** Any object of JSON; what is inside is the caller's business. */
export const JsonObject: z.ZodType<JsonObject> = z.record(z.string(), z.any())

/** Any value of JSON. */
export const Json: z.ZodType<Json> = z.any()

/** Longest id of a session or a user, in characters. */
export const MAX_ID_LENGTH = 255

export const Id = z.string().min(1).max(MAX_ID_LENGTH)

/** ISO 8601 in UTC, for example `2026-11-23T04:52:41Z`. */
export const IsoTime = z.iso.datetime()

/** Whole seconds since the epoch. */
export const EpochSeconds = z.int()

export const PageMeta = z.object({
  /** From 1; 0 is echoed as it was asked and is the first page too. */
  page: z.int(),
  limit: z.int(),
  /** 0 when there is nothing. */
  total_pages: z.int(),
  total_count: z.int(),
  search_time_ms: z.number(),
})

/** One page of `item`s. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), meta: PageMeta })
}
