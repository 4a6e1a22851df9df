/**
 * Conditions on traces, as a tree, and the SQL of it. Values are parameters and names are those of {@link TRACE_FIELDS}:
 * no text of a caller becomes part of a statement.
 * @module
 */
import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { textArray } from '../values.ts'

/** What traces can be searched by, with the kind of its values. Each is a column, but for the duration. */
export const TRACE_FIELDS = {
  trace_id: 'text',
  name: 'text',
  status: 'text',
  run_id: 'text',
  session_id: 'text',
  user_id: 'text',
  agent_id: 'text',
  team_id: 'text',
  workflow_id: 'text',
  /** Whole milliseconds. */
  duration_ms: 'number',
  start_time: 'time',
  end_time: 'time',
  /** When the first spans of the trace were stored. */
  created_at: 'time',
} as const

export type TraceField = keyof typeof TRACE_FIELDS

/** Of the kind that its field asks for. */
export type TraceValue = string | number | Date

export type TraceCondition =
  | { readonly op: 'and' | 'or'; readonly conditions: readonly TraceCondition[] }
  | { readonly op: 'not'; readonly condition: TraceCondition }
  | { readonly op: keyof typeof COMPARISONS; readonly field: TraceField; readonly value: TraceValue }
  | { readonly op: 'in'; readonly field: TraceField; readonly values: readonly TraceValue[] }
  /** In any case of letters; of text fields. */
  | { readonly op: 'contains' | 'starts-with'; readonly field: TraceField; readonly value: string }

const COMPARISONS = {
  eq: sql`=`,
  neq: sql`<>`,
  gt: sql`>`,
  gte: sql`>=`,
  lt: sql`<`,
  lte: sql`<=`,
} as const

/** As SQL compares: what is null matches no comparison, and no negation of one. */
export function traceCondition(condition: TraceCondition): RawBuilder<SqlBool> {
  switch (condition.op) {
    case 'and':
      return join(condition.conditions, sql` and `, sql`true`)
    case 'or':
      return join(condition.conditions, sql` or `, sql`false`)
    case 'not':
      return sql`not (${traceCondition(condition.condition)})`
    case 'in':
      return isOneOf(condition.field, condition.values)
    case 'contains':
      // strpos and starts_with take the text as it is: `%` and `_` stay what they are.
      return sql`strpos(lower(${sql.ref(condition.field)}), lower(${condition.value}::text)) > 0`
    case 'starts-with':
      return sql`starts_with(lower(${sql.ref(condition.field)}), lower(${condition.value}::text))`
    default: {
      const { op, field, value } = condition
      if (op === 'eq') return isOneOf(field, [value])
      const compare = (what: RawBuilder<unknown>) =>
        sql<SqlBool>`${what} ${COMPARISONS[op]} ${value}::${sqlType(field)}`
      // What ended by then began by then, and there is an index for that.
      const isEndBefore = field === 'end_time' && (op === 'lt' || op === 'lte')
      return isEndBefore
        ? sql`(${compare(column(field))} and ${compare(sql.ref('start_time'))})`
        : compare(column(field))
    }
  }
}

function join(conditions: readonly TraceCondition[], word: RawBuilder<unknown>, none: RawBuilder<SqlBool>) {
  if (conditions.length === 0) return none
  return sql<SqlBool>`(${sql.join(conditions.map(traceCondition), word)})`
}

function isOneOf(field: TraceField, values: readonly TraceValue[]): RawBuilder<SqlBool> {
  const texts = values.map((value) => (value instanceof Date ? value.toISOString() : String(value)))
  // A trace can have more runs than the one that names it, and spans have an index for that.
  if (field === 'run_id') {
    return sql`trace_id = any(array(
      select s.trace_id from agentos_spans s where s.run_id = any(${textArray(texts)}::text[]) and s.kind = 'AGENT'))`
  }
  const [only] = texts
  if (texts.length === 1) return sql`${column(field)} = ${only}::${sqlType(field)}`
  return sql`${column(field)} = any(${textArray(texts)}::${sqlType(field)}[])`
}

function column(field: TraceField) {
  if (field === 'duration_ms') return sql`round(extract(epoch from end_time - start_time) * 1000)`
  return sql.ref(field)
}

function sqlType(field: TraceField) {
  switch (TRACE_FIELDS[field]) {
    case 'text':
      return sql`text`
    case 'number':
      return sql`float8`
    case 'time':
      return sql`timestamptz`
  }
}
