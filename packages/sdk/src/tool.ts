/**
 * Tools: functions the model may call, by itself or after a person has agreed.
 * @module
 */
import type { ToolContext } from './context.ts'
import { define, refuseUnknown, show } from './definition.ts'
import { type Infer, isStandardSchema, type Schema } from './schema.ts'

/**
 * What running a tool again does to the outside world, which decides what happens when a replica dies in a call:
 * `read` changes nothing and `idempotent` changes nothing more (both are simply run again), `keyed` is safe because the
 * same `ctx.effectKey` goes along, `once` must never run twice: the run pauses, and a person says what became of the call.
 */
export type Effect = 'read' | 'idempotent' | 'keyed' | 'once'

/** `required`: an approval has to be resolved before the run goes on. `audit`: who answered is recorded. */
export type Approval = 'required' | 'audit'

export interface ToolBasics<S extends Schema> {
  /** 1 to 64 letters, digits, `_` or `-`, as the providers demand; unique within an agent. */
  readonly name: string
  /** When to call it and what it returns, for the model. */
  readonly description?: string
  /** Arguments. Input that does not fit goes back to the model as an error; nothing runs and nobody is asked. */
  readonly input: S
  /** End the run after this call; its result is the answer. Default false. */
  readonly stopAfterToolCall?: boolean
  /** `required` alone asks for a confirmation; `audit` goes with one of the three ways to ask. */
  readonly approval?: Approval
}

/** A tool that the server runs. */
export interface RunToolOptions<S extends Schema> extends ToolBasics<S> {
  /**
   * Anything that JSON can carry; text is handed to the model as it is, and nothing at all as "done". An exception goes
   * to the model as an error, as does what JSON cannot carry.
   */
  readonly run: (input: Infer<S>, ctx: ToolContext) => unknown
  /** Default `once`. */
  readonly effect?: Effect
  /** Longest time of one call in milliseconds, 1 to 86 400 000; default AGENTOS_TOOL_TIMEOUT_MS. */
  readonly timeoutMs?: number
  readonly externalExecution?: false
}

/** Somebody may have to agree first, or to fill in arguments; not both. */
type AskingFirst =
  | {
      /** Pause before each call until somebody allows or rejects it. Default false. */
      readonly requiresConfirmation?: boolean
      readonly requiresUserInput?: false
    }
  | {
      readonly requiresConfirmation?: false
      /** Pause until somebody has filled in these arguments (the model does not see them), or with `true` any of them. */
      readonly requiresUserInput: true | readonly string[]
    }

/** A tool that somebody else runs: the run pauses until its result is sent. */
export interface ExternalToolOptions<S extends Schema> extends ToolBasics<S> {
  readonly externalExecution: true
  /** Pause without words to the user. Default false. */
  readonly externalExecutionSilent?: boolean
  readonly requiresConfirmation?: false
  readonly requiresUserInput?: false
  readonly run?: undefined
}

export type ToolOptions<S extends Schema> = (RunToolOptions<S> & AskingFirst) | ExternalToolOptions<S>

/** A tool as {@link tool} made it. */
export interface Tool {
  readonly kind: 'tool'
  readonly name: string
  readonly description: string
  readonly input: Schema
  /** Undefined where nothing runs here: the call is answered from outside. */
  readonly run: ((input: never, ctx: ToolContext) => unknown) | undefined
  readonly effect: Effect
  readonly timeoutMs: number | undefined
  readonly stopAfterToolCall: boolean
  /** What the call waits for; undefined when the model may call it by itself. */
  readonly pause: ToolPause | undefined
  readonly approval: Approval | undefined
}

/** Why calls of a tool pause. */
export type ToolPause =
  | { readonly kind: 'confirmation' }
  /** `fields`: arguments that the model does not see; undefined offers all for changing. */
  | { readonly kind: 'user-input'; readonly fields: readonly string[] | undefined }
  | { readonly kind: 'user-feedback' }
  | { readonly kind: 'external-execution'; readonly silent: boolean }

const OPTIONS = [
  'name',
  'description',
  'input',
  'run',
  'effect',
  'timeoutMs',
  'stopAfterToolCall',
  'requiresConfirmation',
  'requiresUserInput',
  'externalExecution',
  'externalExecutionSilent',
  'approval',
]
const EFFECTS: readonly unknown[] = ['read', 'idempotent', 'keyed', 'once'] satisfies Effect[]
const APPROVALS: readonly unknown[] = ['required', 'audit'] satisfies Approval[]

/** The options as a caller without types may send them. */
type LooseOptions = { readonly [name: string]: unknown } & Pick<Tool, 'input'>

/**
 * Defines a tool. The type of `run`'s first argument follows from `input`.
 * @throws {TypeError} when an option is missing, unknown, of the wrong kind, or excludes another one
 */
export function tool<const S extends Schema>(options: ToolOptions<S>): Tool {
  refuseUnknown('tool()', options, OPTIONS)
  // The checks below make sure of each value that is used.
  const { name, input, run, effect = 'once', timeoutMs, ...rest } = options as unknown as LooseOptions
  const { description = '', stopAfterToolCall = false } = rest
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new TypeError(`tool() name must be 1 to 64 letters, digits, "_" or "-", got ${show(name)}`)
  }
  const who = `tool "${name}"`
  const pause = readPause(who, rest)
  const isExternal = pause?.kind === 'external-execution'
  if (isExternal) refuseForExternal(who, options)
  else if (typeof run !== 'function') throw new TypeError(`${who}: run must be a function`)
  if (!isStandardSchema(input) && (typeof input !== 'object' || input === null)) {
    throw new TypeError(`${who}: input must be a schema (zod, valibot, arktype, ...) or a JSON Schema object`)
  }
  if (!EFFECTS.includes(effect)) {
    throw new TypeError(`${who}: effect must be one of ${EFFECTS.join(', ')}, got ${show(effect)}`)
  }
  checkTimeout(who, timeoutMs)
  if (typeof description !== 'string') throw new TypeError(`${who}: description must be text, got ${show(description)}`)
  if (typeof stopAfterToolCall !== 'boolean') {
    throw new TypeError(`${who}: stopAfterToolCall must be true or false, got ${show(stopAfterToolCall)}`)
  }
  return define({
    kind: 'tool',
    name,
    description,
    input,
    // Whatever it takes, it was checked to be a function, or to be absent.
    run: run as Tool['run'],
    // It was found among the effects.
    effect: effect as Effect,
    timeoutMs: timeoutMs as number | undefined,
    stopAfterToolCall,
    pause,
    approval: readApproval(who, rest['approval'], pause),
  })
}

function readPause(who: string, options: Readonly<Record<string, unknown>>): ToolPause | undefined {
  const { requiresConfirmation, requiresUserInput, externalExecution, externalExecutionSilent, approval } = options
  checkFlags(who, { requiresConfirmation, externalExecution, externalExecutionSilent })
  const asked = Object.entries({ requiresConfirmation, requiresUserInput, externalExecution }).filter(
    ([, value]) => value !== undefined && value !== false,
  )
  if (asked.length > 1) {
    const names = asked.map(([name]) => name).join(' and ')
    throw new TypeError(`${who}: ${names} exclude each other; keep one`)
  }
  if (externalExecutionSilent === true && externalExecution !== true) {
    throw new TypeError(`${who}: externalExecutionSilent goes with externalExecution: true`)
  }
  if (externalExecution === true) return { kind: 'external-execution', silent: externalExecutionSilent === true }
  if (requiresUserInput !== undefined && requiresUserInput !== false) {
    return { kind: 'user-input', fields: readFields(who, requiresUserInput) }
  }
  return requiresConfirmation === true || approval === 'required' ? { kind: 'confirmation' } : undefined
}

function readFields(who: string, value: unknown): readonly string[] | undefined {
  if (value === true) return undefined
  const names: readonly unknown[] = Array.isArray(value) ? value : []
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
    throw new TypeError(`${who}: requiresUserInput must be true, false or a list of argument names, got ${show(value)}`)
  }
  return Object.freeze([...new Set(names)])
}

function readApproval(who: string, approval: unknown, pause: ToolPause | undefined): Approval | undefined {
  if (approval === undefined) return undefined
  if (!APPROVALS.includes(approval)) {
    throw new TypeError(`${who}: approval must be "required" or "audit", got ${show(approval)}`)
  }
  if (pause === undefined) {
    throw new TypeError(
      `${who}: approval "audit" needs requiresConfirmation, requiresUserInput or externalExecution to record an answer of`,
    )
  }
  // It was found among the approvals.
  return approval as Approval
}

function refuseForExternal(who: string, options: object): void {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const wrong = given.find(([name]) => name === 'run' || name === 'effect' || name === 'timeoutMs')
  if (wrong === undefined) return
  throw new TypeError(`${who}: externalExecution: true means that somebody else runs it; remove ${wrong[0]}`)
}

function checkFlags(who: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined || typeof value === 'boolean') continue
    throw new TypeError(`${who}: ${name} must be true or false, got ${show(value)}`)
  }
}

function checkTimeout(who: string, timeoutMs: unknown): void {
  const isWhole = typeof timeoutMs === 'number' && Number.isInteger(timeoutMs)
  if (timeoutMs === undefined || (isWhole && timeoutMs >= 1 && timeoutMs <= 86_400_000)) return
  throw new TypeError(`${who}: timeoutMs must be a whole number from 1 to 86400000, got ${show(timeoutMs)}`)
}
