/**
 * What a run hands to the author's functions.
 * @module
 */

/** The run that calls. Lives as long as the run; keep nothing of it in module variables. */
export interface RunContext<State extends object = Record<string, unknown>> {
  readonly runId: string
  readonly sessionId: string
  /** Who asked, when the caller said so. */
  readonly userId: string | undefined
  readonly agentId: string
  /** The session's state. Change it in place; top-level keys that changed are stored with the run. JSON values only. */
  readonly sessionState: State
  /** The agent's dependencies for this run, functions already called. */
  readonly dependencies: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
  /** Aborts when the run is cancelled, times out or its tool does. Pass it to `fetch`. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** The call of a tool within a run. */
export interface ToolContext<State extends object = Record<string, unknown>> extends RunContext<State> {
  readonly toolCallId: string
  /** The same on every try of this call, whichever replica tries: hand it to APIs as their idempotency key. */
  readonly effectKey: string
}

/** Structured log lines that carry the run's ids. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}
