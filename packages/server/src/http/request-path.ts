/**
 * The path of a request, as it may be shown.
 * @module
 */
import type { FastifyRequest } from 'fastify'

/** The path without its query, which may carry names and ids of people. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
