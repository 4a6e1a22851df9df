/**
 * Structured logs: JSON lines, or readable ones in a terminal. Everything written passes the redactor.
 * @module
 */
import { pino } from 'pino'
import type { Redact } from '../base/redact.ts'
import { formatPretty } from './pretty.ts'

/** A log with the fields of its part; `child` adds fields. */
export type Log = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  child(fields: LogFields): Log
}

/** Fields of a line. An Error under `error` is written with its stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>

export type LogOptions = {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'pretty'
  readonly redact: Redact
  /** Receives whole lines, ending in a newline. */
  readonly write: (line: string) => void
}

export function createLog({ level, format, redact, write }: LogOptions): Log {
  const sink = (line: string) => write(redact(format === 'pretty' ? formatPretty(line) : line))
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    { write: sink },
  )
  return wrap(logger)
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (fields) => wrap(logger.child(fields)),
  }
}
