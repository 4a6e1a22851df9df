/**
 * Tools: functions the model may call.
 * @module
 */
import type { ToolContext } from './context.ts'
import { define, refuseUnknown, show } from './definition.ts'
import { type Infer, isStandardSchema, type Schema } from './schema.ts'

/**
 * What running a tool again does to the outside world, which decides what happens when a replica dies in a call:
 * `read` changes nothing and `idempotent` changes nothing more (both are simply run again), `keyed` is safe because the
 * same `ctx.effectKey` goes along, `once` must never run twice.
 */
export type Effect = 'read' | 'idempotent' | 'keyed' | 'once'

export interface ToolOptions<S extends Schema> {
  /** 1 to 64 letters, digits, `_` or `-`, as the providers demand; unique within an agent. */
  readonly name: string
  /** When to call it and what it returns, for the model. */
  readonly description?: string
  /** Arguments. Input that does not fit goes back to the model as an error, `run` is not called. */
  readonly input: S
  /**
   * Anything that JSON can carry; text is handed to the model as it is, and nothing at all as "done". An exception goes
   * to the model as an error, as does what JSON cannot carry.
   */
  readonly run: (input: Infer<S>, ctx: ToolContext) => unknown
  /** Default `once`. */
  readonly effect?: Effect
  /** Longest time of one call in milliseconds, 1 to 86 400 000; default AGENTOS_TOOL_TIMEOUT_MS. */
  readonly timeoutMs?: number
  /** End the run after this call; its result is the answer. Default false. */
  readonly stopAfterToolCall?: boolean
}

/** A tool as {@link tool} made it. */
export interface Tool {
  readonly kind: 'tool'
  readonly name: string
  readonly description: string
  readonly input: Schema
  readonly run: (input: never, ctx: ToolContext) => unknown
  readonly effect: Effect
  readonly timeoutMs: number | undefined
  readonly stopAfterToolCall: boolean
}

const OPTIONS = ['name', 'description', 'input', 'run', 'effect', 'timeoutMs', 'stopAfterToolCall']
const EFFECTS: readonly unknown[] = ['read', 'idempotent', 'keyed', 'once'] satisfies Effect[]

/**
 * Defines a tool. The type of `run`'s first argument follows from `input`.
 * @throws {TypeError} when an option is missing, unknown or of the wrong kind
 */
export function tool<const S extends Schema>(options: ToolOptions<S>): Tool {
  refuseUnknown('tool()', options, OPTIONS)
  const { name, input, run, effect = 'once', timeoutMs, description = '', stopAfterToolCall = false } = options
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new TypeError(`tool() name must be 1 to 64 letters, digits, "_" or "-", got ${show(name)}`)
  }
  if (typeof run !== 'function') throw new TypeError(`tool "${name}": run must be a function`)
  if (!isStandardSchema(input) && (typeof input !== 'object' || input === null)) {
    throw new TypeError(`tool "${name}": input must be a schema (zod, valibot, arktype, ...) or a JSON Schema object`)
  }
  if (!EFFECTS.includes(effect)) {
    throw new TypeError(`tool "${name}": effect must be one of ${EFFECTS.join(', ')}, got ${show(effect)}`)
  }
  if (timeoutMs !== undefined && !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= 86_400_000)) {
    throw new TypeError(`tool "${name}": timeoutMs must be a whole number from 1 to 86400000, got ${show(timeoutMs)}`)
  }
  if (typeof description !== 'string')
    throw new TypeError(`tool "${name}": description must be text, got ${show(description)}`)
  if (typeof stopAfterToolCall !== 'boolean') {
    throw new TypeError(`tool "${name}": stopAfterToolCall must be true or false, got ${show(stopAfterToolCall)}`)
  }
  return define({
    kind: 'tool',
    name,
    description,
    input,
    run,
    effect,
    timeoutMs,
    stopAfterToolCall,
  })
}
