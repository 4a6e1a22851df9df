/**
 * Keys of files in remote sources: paths with slashes, without one in front.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'

const MOST_KEY_UNITS = 1024

/**
 * A key as the path of a URL, its parts encoded.
 * @throws {AgentOSError} URL_NOT_FOUND when it could lead elsewhere
 */
export function encodeKey(key: string): string {
  const parts = key.split('/')
  if (key.length > MOST_KEY_UNITS || parts.some((part) => part === '.' || part === '..')) {
    throw new AgentOSError('URL_NOT_FOUND', `The source has no file "${key.slice(0, 200)}"`)
  }
  return parts.map(encodeURIComponent).join('/')
}

/** The last part that is not empty. */
export function nameOfKey(key: string): string {
  return key.split('/').findLast((part) => part !== '') ?? key
}
