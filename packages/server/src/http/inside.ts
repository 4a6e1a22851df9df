/**
 * Requests that this server puts to itself, without a connection: they take the way of any other request.
 * @module
 */
import type { FastifyInstance } from 'fastify'
import type { Send } from '../schedules/schedules.ts'

/** @param securityKey of the server; undefined or empty when it has none */
export function sendInside(app: FastifyInstance, securityKey: string | undefined): Send {
  return async ({ method, endpoint, payload, requestId, idempotencyKey }, signal) => {
    const { statusCode, payload: body } = await app.inject({
      method,
      url: endpoint,
      headers: {
        'user-agent': 'agentos-schedules',
        'x-request-id': requestId,
        ...(securityKey && { authorization: `Bearer ${Buffer.from(securityKey, 'utf8').toString('latin1')}` }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        ...(payload !== null && method !== 'GET' && { 'content-type': 'application/json' }),
      },
      ...(payload !== null && method !== 'GET' && { payload: JSON.stringify(payload) }),
      ...(signal !== undefined && { signal }),
    })
    return { status: statusCode, body }
  }
}
