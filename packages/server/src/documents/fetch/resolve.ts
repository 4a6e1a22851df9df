/**
 * From a URL to the addresses that may be connected to. What is checked is what the connection goes to: the name is not
 * resolved a second time.
 * @module
 */
import { lookup, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import { AgentOSError } from '../../base/errors.ts'
import { reachOf } from './address.ts'

export type FetchPolicy = {
  /** Whether private addresses may be reached: those of the cluster and of this machine. */
  readonly privateUrls: boolean
}

/**
 * @throws {AgentOSError} URL_NOT_ALLOWED; URL_NOT_FOUND when the name does not exist; URL_UNAVAILABLE when it cannot be
 * looked up; the reason of `signal`
 */
export async function resolveUrl(
  url: URL,
  policy: FetchPolicy,
  signal: AbortSignal,
): Promise<readonly LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const addresses = family === 0 ? await lookUp(host, signal) : [{ address: host, family }]
  // One bad address is enough: a name that has both kinds is made to slip past a check.
  for (const { address } of addresses) {
    const reach = reachOf(address)
    if (reach === 'public' || (reach === 'private' && policy.privateUrls)) continue
    const kind = reach === 'private' ? 'a private address' : 'an address that is never read'
    throw new AgentOSError('URL_NOT_ALLOWED', `${describeUrl(url)} leads to ${kind}`)
  }
  return addresses
}

/** A URL for messages: without what may be a secret. */
export function describeUrl(url: URL): string {
  const text = `${url.protocol}//${url.host}${url.pathname}`
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

/** @throws {AgentOSError} URL_NOT_ALLOWED, with the reason */
export function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base)
  if (url === null) throw new AgentOSError('URL_NOT_ALLOWED', `"${text.slice(0, 200)}" is not a URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new AgentOSError('URL_NOT_ALLOWED', `${url.protocol} URLs are not read, only http and https`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new AgentOSError('URL_NOT_ALLOWED', `The URL of ${url.host} has a user or a password in it`)
  }
  url.hash = ''
  return url
}

async function lookUp(host: string, signal: AbortSignal): Promise<readonly LookupAddress[]> {
  const found = Promise.withResolvers<readonly LookupAddress[]>()
  lookup(host, { all: true, verbatim: true }, (error, addresses) => {
    if (error === null && addresses.length > 0) return found.resolve(addresses)
    const isMissing = error === null || error.code === 'ENOTFOUND' || error.code === 'ENODATA'
    const code = isMissing ? 'URL_NOT_FOUND' : 'URL_UNAVAILABLE'
    found.reject(new AgentOSError(code, `The name ${host} cannot be resolved`, { cause: error }))
  })
  // The look-up itself cannot be stopped, but nobody has to wait for it.
  const stop = () => found.reject(toError(signal.reason))
  signal.addEventListener('abort', stop, { once: true })
  return found.promise.finally(() => signal.removeEventListener('abort', stop))
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
