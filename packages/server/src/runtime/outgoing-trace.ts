/**
 * Trace context on the HTTP requests that tools make with `fetch` or undici: `traceparent` of the tool's span, so that
 * whom it calls can be part of the trace. Model providers get none: their calls are made outside of tools, and those that
 * tools make are told by their host.
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

export type OutgoingTrace = {
  /** Runs `code`; requests that begin in it, however deep, carry `traceparent`. */
  readonly run: <T>(traceparent: string, code: () => T) => T
  readonly close: () => void
}

/** The request as undici shows it to its listeners, reduced to what is used here. */
type UndiciRequest = {
  readonly origin?: unknown
  /** Name, value, name, value; text in old versions. */
  readonly headers?: unknown
  readonly addHeader?: unknown
}

const CHANNEL = 'undici:request:create'
const HEADER = 'traceparent'
/** Hosts of model providers, and what is under them. */
const PROVIDERS = [
  /(^|\.)(openai\.com|openai\.azure\.com|anthropic\.com|mistral\.ai|x\.ai|groq\.com|deepseek\.com|openrouter\.ai)$/,
  /(^|[.-])(generativelanguage|aiplatform)\.googleapis\.com$/,
  /^bedrock-runtime[a-z-]*\..*\.amazonaws\.com$/,
]

/** Listens to all requests of this thread until it is closed. */
export function createOutgoingTrace(): OutgoingTrace {
  const current = new AsyncLocalStorage<string>()
  const onRequest = (message: unknown) => {
    const traceparent = current.getStore()
    if (traceparent !== undefined) addTraceparent(message, traceparent)
  }
  subscribe(CHANNEL, onRequest)
  return {
    run: (traceparent, code) => current.run(traceparent, code),
    close: () => void unsubscribe(CHANNEL, onRequest),
  }
}

/** A listener that throws would end the worker, so nothing is taken for granted. */
function addTraceparent(message: unknown, traceparent: string): void {
  // The channel is documented (undici, docs/api/DiagnosticsChannel.md); every property is looked at before it is used.
  const { request } = (message ?? {}) as { readonly request?: UndiciRequest }
  if (typeof request?.addHeader !== 'function' || hasTraceparent(request.headers) || isProvider(request.origin)) return
  request.addHeader(HEADER, traceparent)
}

function hasTraceparent(headers: unknown): boolean {
  if (typeof headers === 'string') return /^traceparent:/im.test(headers)
  const isName = (item: unknown, index: number) => index % 2 === 0 && String(item).toLowerCase() === HEADER
  return Array.isArray(headers) && headers.some(isName)
}

/** Whether `origin` is that of a model provider, which is told nothing of our traces. */
export function isProvider(origin: unknown): boolean {
  const host = URL.parse(String(origin))?.hostname ?? ''
  return PROVIDERS.some((provider) => provider.test(host))
}
