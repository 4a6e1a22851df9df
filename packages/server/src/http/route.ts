/**
 * Routes as values. What a route takes, answers and demands is declared once; validation, OpenAPI, authentication and the
 * scenario tests are derived from it.
 * @module
 */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Auth, Caller } from '../auth/auth.ts'
import type { Scope } from '../auth/scope.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Upload } from '../base/upload.ts'
import type { AppDeps } from './deps.ts'
import type { OpenStreams } from './stream/open-streams.ts'
import type { RequestTrace } from './request-trace.ts'
import type { UploadRules } from './input/spool.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** A body that forms and JSON can carry, or only JSON. */
export type Body<B extends z.ZodObject> = {
  readonly kind: 'form' | 'json'
  /** Whether the request may have none; it then counts as empty. */
  readonly optional: boolean
  readonly schema: B
}

export const formBody = <B extends z.ZodObject>(schema: B): Body<B> => ({ kind: 'form', optional: false, schema })
export const jsonBody = <B extends z.ZodObject>(schema: B, options = { optional: false }): Body<B> => ({
  kind: 'json',
  schema,
  ...options,
})

/** What a handler is given beside its input. */
export type Call = {
  readonly requestId: string
  readonly caller: Caller
  readonly auth: Auth
  readonly setHeader: (name: string, value: string) => void
  readonly setStatus: (status: number) => void
  /** Calls `listener` once if the client goes away before it has its answer. @returns stops listening */
  readonly onDisconnect: (listener: () => void) => () => void
  /** Takes the answer over: its headers are sent, the rest is the handler's, which then returns {@link STREAMED}. */
  readonly takeOver: (headers: Readonly<Record<string, string>>) => TakenOver
  readonly trace: RequestTrace
}

export type TakenOver = {
  readonly response: ServerResponse
  /** Keeps the stream known to the server, which ends it when it closes. @returns forgets it */
  readonly register: OpenStreams['add']
}

/** The answer of a handler that writes it itself. */
export const STREAMED = Symbol('streamed')

export type RouteOptions<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodObject,
  R extends z.ZodType,
  A extends z.ZodType,
> = {
  readonly method: Method
  /** With parameters in braces: `/agents/{id}`. */
  readonly path: `/${string}`
  readonly scope: Scope
  readonly tag: string
  readonly summary: string
  readonly params?: P
  /** A list takes every value of a name that is repeated; anything else the last. */
  readonly query?: Q
  /** By their names in lower case; others pass unseen. */
  readonly headers?: H
  readonly body?: Body<B>
  /** They stay on disk until the handler has returned. Default: files are refused. */
  readonly uploads?: UploadRules
  /** Default 200; 204 has no body. */
  readonly status?: 200 | 201 | 204
  readonly response?: R
  /** Answer of a 202, for routes that can put work off: {@link Call.setStatus} says when. */
  readonly accepted?: A
  /** Events of the stream that this route can answer with. */
  readonly events?: z.ZodType
  /** Each line of its answer, which then is lines of JSON. */
  readonly lines?: z.ZodType
  /** Whether it answers with bytes of any type. */
  readonly bytes?: true
  readonly errors: readonly ErrorCode[]
  /** Whether its requests are part of the traces of runs. */
  readonly traced?: true
  readonly handle: (input: {
    readonly params: z.output<P>
    readonly query: z.output<Q>
    readonly headers: z.output<H>
    readonly body: z.output<B>
    readonly uploads: readonly Upload[]
    readonly deps: AppDeps
    readonly call: Call
  }) => Promise<Answer<R, A>> | Answer<R, A>
}

type Answer<R extends z.ZodType, A extends z.ZodType> = z.output<R> | z.output<A> | typeof STREAMED

/** A route of any shape, as the table and everything derived from it sees it. */
export type Route = Omit<
  RouteOptions<z.ZodObject, z.ZodObject, z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>,
  'params' | 'query' | 'headers' | 'body' | 'response' | 'accepted' | 'handle' | 'status'
> & {
  readonly params: z.ZodObject
  readonly query: z.ZodObject
  readonly headers: z.ZodObject
  readonly body: Body<z.ZodObject> | undefined
  readonly response: z.ZodType | undefined
  readonly accepted: z.ZodType | undefined
  readonly status: 200 | 201 | 204
  readonly handle: (
    input: RouteInput & { readonly uploads: readonly Upload[]; readonly deps: AppDeps; readonly call: Call },
  ) => unknown
}

/** The checked input of a route; its types are those of the route's schemas. */
export type RouteInput = {
  readonly params: unknown
  readonly query: unknown
  readonly headers: unknown
  readonly body: unknown
}

const NOTHING = z.object({})

export function route<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodObject,
  R extends z.ZodType,
  A extends z.ZodType = z.ZodNever,
>(options: RouteOptions<P, Q, H, B, R, A>): Route {
  return {
    ...options,
    params: options.params ?? NOTHING,
    query: options.query ?? NOTHING,
    headers: options.headers ?? NOTHING,
    body: options.body,
    response: options.response,
    accepted: options.accepted,
    status: options.status ?? 200,
    // The input was parsed by the very schemas that type it; the table forgets those types.
    handle: options.handle as Route['handle'],
  }
}
