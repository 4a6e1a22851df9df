/**
 * Log lines for people: time, level, message, then the fields as `key=value`; stacks and other text of several lines
 * below. Fields that only machines join on are left out.
 * @module
 */
const FOR_MACHINES: ReadonlySet<string> = new Set([
  'request_id',
  'replica_id',
  'session_id',
  'trace_id',
  'span_id',
  'route',
  'bytes',
  'client_address',
  'forwarded_for',
])
const COLOURS: Readonly<Record<string, string>> = {
  debug: '\u001B[2m',
  info: '',
  warn: '\u001B[33m',
  error: '\u001B[31m',
}
const DIM = '\u001B[2m'
const RESET = '\u001B[0m'

/** @param line one JSON line of the log; anything else is returned as it is */
export function formatPretty(line: string): string {
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line) as Record<string, unknown>
  } catch {
    // Not one of ours: a library wrote it, and a person can read it as it is.
    return line
  }
  const { level, time, message, error, ...fields } = record
  const clock = String(time).slice(11, 19)
  const shown = Object.entries(fields).filter(([key]) => !FOR_MACHINES.has(key))
  const isBlock = ([, value]: [string, unknown]) => typeof value === 'string' && value.includes('\n')
  const rest = shown
    .filter((field) => !isBlock(field))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
  const blocks = shown.filter(isBlock).map(([, value]) => indent(String(value)))
  const head = `${DIM}${clock}${RESET} ${COLOURS[String(level)] ?? ''}${String(level).padEnd(5)} ${String(message)}${RESET}`
  return `${head}${rest === '' ? '' : `  ${DIM}${rest}${RESET}`}\n${blocks.join('')}${describeError(error)}`
}

function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { stack, message } = error as { stack?: unknown; message?: unknown }
  return indent(String(stack ?? message))
}

function indent(text: string): string {
  return `      ${text.replaceAll('\n', '\n      ')}\n`
}
