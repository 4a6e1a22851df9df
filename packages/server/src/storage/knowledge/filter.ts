/**
 * Filters of knowledge as conditions of SQL. Keys and values travel as parameters. Of the metadata of a chunk, those of
 * its document come first; what only chunks have are the keys of {@link CHUNK_KEYS}.
 *
 * A key that is not there equals nothing, is in nothing, and is neither less nor more: every comparison is true or false.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { Json } from '../../base/json.ts'
import type { Condition } from '../../base/knowledge-filter.ts'
import { jsonText } from '../values.ts'

/** What readers tell of chunks (base/document.ts, ChunkMetadata). */
const CHUNK_KEYS: ReadonlySet<string> = new Set([
  'page',
  'slide',
  'sheet',
  'row',
  'heading',
  'language',
  'url',
  'title',
])

/** Whether the documents alone cannot tell what fulfils it. */
export function needsChunks(condition: Condition): boolean {
  if ('conditions' in condition) return condition.conditions.some(needsChunks)
  return 'condition' in condition ? needsChunks(condition.condition) : CHUNK_KEYS.has(condition.key)
}

/**
 * @param documents name of the table or query whose `metadata` is that of the documents
 * @param chunks the same of the chunks; absent where `needsChunks` is false
 */
export function compileCondition(condition: Condition, documents: string, chunks?: string): RawBuilder<boolean> {
  const compile = (part: Condition): RawBuilder<boolean> => {
    switch (part.op) {
      case 'AND':
        return part.conditions.length === 0 ? sql`true` : sql`(${sql.join(part.conditions.map(compile), sql` and `)})`
      case 'OR':
        return part.conditions.length === 0 ? sql`false` : sql`(${sql.join(part.conditions.map(compile), sql` or `)})`
      case 'NOT':
        return sql`not ${compile(part.condition)}`
      default:
        return sql`coalesce(${compare(part, valueOf(part.key, documents, chunks))}, false)`
    }
  }
  return compile(condition)
}

type Leaf = Exclude<Condition, { readonly op: 'AND' | 'OR' | 'NOT' }>

function valueOf(key: string, documents: string, chunks: string | undefined): RawBuilder<unknown> {
  const own = sql`${sql.table(documents)}.metadata -> ${key}::text`
  if (chunks === undefined || !CHUNK_KEYS.has(key)) return sql`(${own})`
  return sql`coalesce(${own}, ${sql.table(chunks)}.metadata -> ${key}::text)`
}

function compare(leaf: Leaf, value: RawBuilder<unknown>): RawBuilder<boolean> {
  switch (leaf.op) {
    case 'EQ':
      return equals(value, leaf.value)
    case 'NEQ':
      // Also what has no such key is not equal.
      return sql`not coalesce(${equals(value, leaf.value)}, false)`
    case 'IN':
      return leaf.values.length === 0
        ? sql`false`
        : sql`(${sql.join(
            leaf.values.map((item) => equals(value, item)),
            sql` or `,
          )})`
    case 'GT':
    case 'GTE':
    case 'LT':
    case 'LTE':
      return order(value, OPERATORS[leaf.op], leaf.value)
    case 'CONTAINS':
      return sql`position(lower(${leaf.value}::text) in lower(${textOf(value)})) > 0`
    case 'STARTSWITH':
      return sql`starts_with(lower(${textOf(value)}), lower(${leaf.value}::text))`
  }
}

const OPERATORS = { GT: '>', GTE: '>=', LT: '<', LTE: '<=' } as const

/** Also a list that holds it, and a number or flag that was written as text. */
function equals(value: RawBuilder<unknown>, wanted: Json): RawBuilder<boolean> {
  if (typeof wanted === 'object' && wanted !== null) return sql`${value} @> ${jsonText(wanted)}::jsonb`
  const json = jsonText(wanted)
  const text = typeof wanted === 'string' ? wanted : json
  return sql`(${value} @> ${json}::jsonb or (jsonb_typeof(${value}) <> 'null' and ${textOf(value)} = ${text}::text))`
}

function order(value: RawBuilder<unknown>, operator: string, bound: string | number): RawBuilder<boolean> {
  const compared = sql.raw(operator)
  if (typeof bound === 'string') {
    return sql`jsonb_typeof(${value}) = 'string' and ${textOf(value)} collate "C" ${compared} ${bound}::text`
  }
  // Whatever order the planner chooses, text must not be read as a number.
  return sql`case when jsonb_typeof(${value}) = 'number' then ${textOf(value)}::numeric ${compared} ${bound}::numeric end`
}

function textOf(value: RawBuilder<unknown>): RawBuilder<string> {
  return sql`(${value} #>> '{}')`
}
