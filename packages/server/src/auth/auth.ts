/**
 * Who may call what. Two modes: `none` lets everyone in, `security_key` everyone who sends the one key.
 * Invariant: a request whose scope is unknown is treated as one that needs a key.
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { AgentOSError } from '../base/errors.ts'
import type { Scope } from './scope.ts'

export type Caller = {
  /** Whether the caller may see what only callers with a key may see; everyone may in mode `none`. */
  readonly trusted: boolean
  /** Whether the caller has a scope that goes beyond the one of the route. */
  readonly may: (scope: Scope) => boolean
}

const EVERYTHING: Caller = { trusted: true, may: () => true }
const NOTHING: Caller = { trusted: false, may: (scope) => scope === 'public' }

export type Auth = {
  readonly mode: 'none' | 'security_key'
  /**
   * @param authorization the header as Node gives it, one character per byte
   * @param scope undefined for a path that is no route
   * @throws {AgentOSError} UNAUTHORIZED
   */
  readonly authorize: (authorization: string | undefined, scope: Scope | undefined) => Caller
}

/** @param securityKey absent or empty: mode `none` */
export function createAuth(securityKey: string | undefined): Auth {
  if (!securityKey) return { mode: 'none', authorize: () => EVERYTHING }
  const expected = digest(Buffer.from(securityKey, 'utf8'))
  const isKey = (token: string) => timingSafeEqual(digest(Buffer.from(token, 'latin1')), expected)
  return {
    mode: 'security_key',
    authorize(authorization, scope) {
      const token = authorization && /^bearer +(.*)$/is.exec(authorization)?.[1]
      const trusted = token !== undefined && token !== '' && isKey(token)
      if (trusted) return EVERYTHING
      if (scope === 'public') return NOTHING
      throw new AgentOSError('UNAUTHORIZED', token ? 'Invalid authentication token' : 'Authorization header required')
    },
  }
}

/** Digests have one length, so comparing them takes the same time whatever was sent. */
function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
