/**
 * Which part of some bytes a request asks for, and whether its copy is still good: RFC 9110, sections 13 and 14. Of several
 * ranges at once none is served; the answer is all there is then, as it is for what is no range.
 * @module
 */

/** Both inclusive, from 0. */
export type ByteRange = { readonly first: number; readonly last: number }

/** Fifteen digits are more bytes than there are, and exact as a number. */
const RANGE = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/i

/**
 * @param header the request's `Range`
 * @param bytes how many there are, 0 or more
 * @returns undefined for all of them; `none` when the range begins behind the end
 */
export function readRange(header: string | undefined, bytes: number): ByteRange | 'none' | undefined {
  const match = RANGE.exec(header?.trim() ?? '')
  if (match === null) return undefined
  const [, from, to, suffix] = match
  if (from === undefined) {
    const count = Math.min(Number(suffix), bytes)
    return count === 0 ? 'none' : { first: bytes - count, last: bytes - 1 }
  }
  const first = Number(from)
  const last = to === undefined || to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1)
  if (to !== undefined && to !== '' && Number(to) < first) return undefined
  return first >= bytes ? 'none' : { first, last }
}

/** Whether the request has what `etag` names. @param header its `If-None-Match` */
export function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
