/**
 * Lists of names and values as OpenTelemetry's variables have them: `name=value,name=value`, percent-encoded (W3C baggage).
 * @module
 */
import { decodeOrKeep } from '../base/percent.ts'

/** What has no name or no `=` is left out; a value that is not percent-encoded properly stays as it is. */
export function readPairs(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, at)).trim()
    return name === '' ? [] : [[name, decodeOrKeep(pair.slice(at + 1).trim())]]
  })
  return Object.fromEntries(pairs)
}
