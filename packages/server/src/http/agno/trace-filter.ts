/**
 * Agno's search language for traces: JSON to conditions of storage, and the schema that tells clients what there is.
 * @module
 */
import type { TraceFilterSchema } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import { isJsonObject } from '../../base/json.ts'
import {
  TRACE_FIELDS,
  type TraceCondition,
  type TraceField,
  type TraceValue,
} from '../../storage/traces/trace-filter.ts'
import { parseIsoTime } from '../input/iso-time.ts'

const MAX_DEPTH = 10
/** Most conditions of a filter, and most values of one IN. */
const MAX_CONDITIONS = 500
const MAX_VALUES = 1000

const COMPARISONS = { EQ: 'eq', NEQ: 'neq', GT: 'gt', GTE: 'gte', LT: 'lt', LTE: 'lte' } as const
const SEARCHES = { CONTAINS: 'contains', STARTSWITH: 'starts-with' } as const
const GROUPS = { AND: 'and', OR: 'or' } as const

/** No trace. */
const NOTHING: TraceCondition = { op: 'or', conditions: [] }

/**
 * @param filter absent or empty: every trace
 * @returns what matches; nothing when the filter names a field that traces do not have
 * @throws {AgentOSError} INVALID_REQUEST, `Invalid filter expression: ...`
 */
export function parseTraceFilter(filter: Readonly<Record<string, unknown>> | null | undefined): TraceCondition {
  if (filter === null || filter === undefined || Object.keys(filter).length === 0) return { op: 'and', conditions: [] }
  const found: Found = { conditions: 0, unknownField: false }
  const condition = parse(filter, 0, found)
  return found.unknownField ? NOTHING : condition
}

/** What a walk through a filter has met. */
type Found = { conditions: number; unknownField: boolean }

function parse(filter: unknown, depth: number, found: Found): TraceCondition {
  if (depth > MAX_DEPTH) throw invalid(`it exceeds the maximum nesting depth of ${MAX_DEPTH}`)
  if (++found.conditions > MAX_CONDITIONS) throw invalid(`it has more than ${MAX_CONDITIONS} conditions`)
  if (!isJsonObject(filter) || !('op' in filter)) throw invalid(`a filter needs an 'op', got ${quote(filter)}`)
  const { op } = filter
  if (op === 'NOT') return { op: 'not', condition: parse(require(filter, 'condition'), depth + 1, found) }
  if (op === 'IN') {
    const field = fieldOf(filter, found)
    const values = require(filter, 'values')
    if (!Array.isArray(values) || values.length > MAX_VALUES) {
      throw invalid(`'values' of IN is a list of at most ${MAX_VALUES}, got ${quote(values)}`)
    }
    return { op: 'in', field, values: values.map((value: unknown) => valueOf(field, value, found)) }
  }
  if (isKey(GROUPS, op)) {
    const conditions = require(filter, 'conditions')
    if (!Array.isArray(conditions) || conditions.length === 0) {
      throw invalid(`'conditions' of ${op} is a list of at least one, got ${quote(conditions)}`)
    }
    return { op: GROUPS[op], conditions: conditions.map((condition) => parse(condition, depth + 1, found)) }
  }
  if (!isKey(COMPARISONS, op) && !isKey(SEARCHES, op)) throw invalid(`unknown filter operator ${quote(op)}`)
  const field = fieldOf(filter, found)
  const value = valueOf(field, require(filter, 'value'), found)
  if (isKey(COMPARISONS, op)) return { op: COMPARISONS[op], field, value }
  if (TRACE_FIELDS[field] !== 'text') throw invalid(`${op} does not apply to ${field}`)
  return { op: SEARCHES[op], field, value: String(value) }
}

function fieldOf(filter: Readonly<Record<string, unknown>>, found: Found): TraceField {
  const key = require(filter, 'key')
  if (isKey(TRACE_FIELDS, key)) return key
  found.unknownField = true
  // Any will do: the whole filter matches nothing.
  return 'name'
}

function valueOf(field: TraceField, value: unknown, found: Found): TraceValue {
  // The value belongs to another field than this one.
  if (found.unknownField) return ''
  switch (TRACE_FIELDS[field]) {
    case 'text':
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
      throw invalid(`${field} takes a text, got ${quote(value)}`)
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      if (typeof number === 'number' && Number.isFinite(number)) return number
      throw invalid(`${field} takes a number, got ${quote(value)}`)
    }
    case 'time': {
      const time = typeof value === 'string' ? parseIsoTime(value) : undefined
      if (time) return time
      throw invalid(`${field} takes an ISO 8601 time, got ${quote(value)}`)
    }
  }
}

function require(filter: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = Object.hasOwn(filter, key) ? filter[key] : undefined
  if (value === undefined || value === null)
    throw invalid(`${String(filter['op'])} needs '${key}', got ${quote(filter)}`)
  return value
}

function isKey<T extends object>(table: T, key: unknown): key is keyof T {
  return typeof key === 'string' && Object.hasOwn(table, key)
}

function invalid(reason: string): AgentOSError {
  return new AgentOSError('INVALID_REQUEST', `Invalid filter expression: ${reason}`)
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

const LABELS: Readonly<Record<TraceField, string>> = {
  status: 'Status',
  user_id: 'User ID',
  agent_id: 'Agent ID',
  team_id: 'Team ID',
  workflow_id: 'Workflow ID',
  session_id: 'Session ID',
  run_id: 'Run ID',
  name: 'Trace Name',
  trace_id: 'Trace ID',
  duration_ms: 'Duration (ms)',
  start_time: 'Start Time',
  end_time: 'End Time',
  created_at: 'Created At',
}

/** What a search can name, in the order in which clients show it. */
export function describeTraceFilter(): TraceFilterSchema {
  // The keys of the record are what its type says.
  const fields = Object.keys(LABELS) as TraceField[]
  return {
    fields: fields.map((key) => ({ key, label: LABELS[key], ...describeField(key) })),
    logical_operators: ['AND', 'OR'],
  }
}

function describeField(key: TraceField): Omit<TraceFilterSchema['fields'][number], 'key' | 'label'> {
  if (key === 'status') return { type: 'enum', operators: ['EQ', 'NEQ', 'IN'], values: ['OK', 'ERROR'] }
  switch (TRACE_FIELDS[key]) {
    case 'text': {
      const operators = ['EQ', 'NEQ', 'CONTAINS', 'STARTSWITH', ...(key === 'name' ? [] : ['IN'])]
      return { type: 'string', operators, values: null }
    }
    case 'number':
      return { type: 'number', operators: Object.keys(COMPARISONS), values: null }
    case 'time':
      return { type: 'datetime', operators: ['GT', 'GTE', 'LT', 'LTE'], values: null }
  }
}
