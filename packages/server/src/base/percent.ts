/**
 * Percent-encoding, as URLs and the variables of OpenTelemetry have it.
 * @module
 */

/** The text that was encoded; one that is not encoded properly stays as it is. */
export function decodeOrKeep(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
