/**
 * Requests of the client: addresses, headers, failures.
 * @module
 */
import type { z } from 'zod'
import { ApiError } from './api-error.ts'

export type ClientOptions = {
  /** For example `http://localhost:8000`, with or without a path prefix. */
  readonly baseUrl: string
  /** The security key of the server. */
  readonly key?: string | undefined
  readonly fetch?: typeof fetch
}

export type Call = {
  readonly method?: string
  /** A list sends its name once for each value. */
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly form?: URLSearchParams | FormData
  readonly signal?: AbortSignal | undefined
}

export type Transport = {
  /** @throws {ApiError} for an answer other than 2xx */
  readonly send: (path: string, call: Call) => Promise<Response>
  /** The answer, checked against `schema`. @throws {ApiError} and {ZodError} */
  readonly ask: <T extends z.ZodType>(schema: T, path: string, call?: Call) => Promise<z.output<T>>
}

export function createTransport({ baseUrl, key, fetch: fetchGiven = fetch }: ClientOptions): Transport {
  const root = baseUrl.replace(/\/+$/, '')

  async function send(path: string, call: Call): Promise<Response> {
    const { method = 'GET', query = {}, json, form, signal } = call
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) {
      for (const item of [value ?? []].flat()) search.append(name, String(item))
    }
    const url = search.size > 0 ? `${root}${path}?${search.toString()}` : root + path
    const headers = new Headers({ ...call.headers, ...(key !== undefined && { authorization: `Bearer ${key}` }) })
    if (json !== undefined) headers.set('content-type', 'application/json')
    const body = form ?? (json === undefined ? null : JSON.stringify(json))
    const response = await fetchGiven(url, { method, headers, body, signal: signal ?? null })
    if (response.ok) return response
    throw new ApiError(response.status, await readJson(response), response.headers.get('x-request-id') ?? undefined)
  }

  return {
    send,
    async ask(schema, path, call = {}) {
      const response = await send(path, call)
      return schema.parse(await response.json())
    },
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (error) {
    // A proxy's page, not the server's answer: the status has to do.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
