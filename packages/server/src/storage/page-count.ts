/**
 * How many rows a paged list has in all, without counting what nobody would wait for: exactly up to {@link COUNTED}, from
 * there on as the planner of the database guesses it.
 * @module
 */
import { type SelectQueryBuilder, sql } from 'kysely'
import type { Db, Tables } from './tables.ts'

/** `limit` from 0; `page` from 1, 0 is the first page too. */
export type PageAsked = { readonly limit: number; readonly page: number }

/** Counting more than so many takes longer than anybody wants to wait for a page; from there on an estimate has to do. */
export const COUNTED = 10_000

export function offsetOf({ limit, page }: PageAsked): number {
  return Math.max(0, page - 1) * limit
}

/** How many there are, where the last page tells. */
export function totalOf(rows: readonly unknown[], asked: PageAsked): number | undefined {
  const offset = offsetOf(asked)
  const isLast = rows.length < asked.limit && (rows.length > 0 || offset === 0)
  return isLast ? offset + rows.length : undefined
}

/** @param some no more than {@link COUNTED} and one of `all`, whose plan is the guess */
export async function countRows<T extends keyof Tables>(
  db: Db,
  some: SelectQueryBuilder<Tables, T, unknown>,
  all: SelectQueryBuilder<Tables, T, unknown>,
): Promise<number> {
  const { total } = await db
    .selectFrom(some.as('some'))
    .select(sql<number>`count(*)`.as('total'))
    .executeTakeFirstOrThrow()
  if (total <= COUNTED) return total
  const [explained] = await all.explain<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>('json')
  return Math.max(total, explained?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0)
}
