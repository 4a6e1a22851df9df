/**
 * From the stream parts of the provider interface to {@link ModelPart}s, one content part after the other. The interface
 * lets blocks overlap (a tool call inside an open text); a transcript cannot, so what belongs to a later block waits
 * until the open one has ended. Pure: no I/O, no time.
 * @module
 */
import { isJsonObject, parseJson, type Json } from '../base/json.ts'
import type { ProviderMetadata } from '../base/message.ts'
import type { Usage } from '../base/usage.ts'
import type { FinishReason, ModelPart } from './model.ts'

/** A part of a version 2, 3 or 4 stream, as far as it is read. */
export type StreamPart = {
  readonly type: string
  readonly id?: string
  readonly delta?: string
  readonly providerMetadata?: ProviderMetadata
  readonly toolCallId?: string
  readonly toolName?: string
  readonly input?: unknown
  readonly providerExecuted?: boolean
  readonly error?: unknown
  readonly finishReason?: unknown
  readonly usage?: unknown
  /** Of a file that the model made: bytes or base64, tagged as data since version 4. */
  readonly mediaType?: string
  readonly data?: unknown
  /** Of a source: `url` or `document`. */
  readonly sourceType?: string
  readonly url?: string
  readonly title?: string
  readonly filename?: string
}

type Kind = 'text' | 'reasoning'
type Block = { readonly id: string; readonly kind: Kind; metadata: ProviderMetadata | undefined; said: boolean }

/** Takes the content parts of one stream in order. */
export type Sequence = {
  /** Id of the block that may stream at once; undefined when none is open. */
  readonly openText: () => string | undefined
  /** @returns what may go out now; parts that are not content give nothing */
  readonly accept: (part: StreamPart) => readonly ModelPart[]
  /** Ends what is open and lets out what still waits. */
  readonly end: () => readonly ModelPart[]
}

export function createSequence(): Sequence {
  let open: Block | undefined
  let waiting: StreamPart[] = []

  const close = (out: ModelPart[]) => {
    if (open === undefined) return
    const { kind, metadata, said } = open
    open = undefined
    if (said || metadata !== undefined) out.push({ type: 'part-end', part: kind, providerMetadata: metadata })
  }

  const take = (part: StreamPart, out: ModelPart[]): void => {
    if (part.type === 'source') return void out.push(...toSource(part))
    const kind = kindOf(part.type)
    if (part.type !== 'tool-call' && part.type !== 'file' && kind === undefined) return
    if (open !== undefined && (kind !== open.kind || part.id !== open.id)) return void waiting.push(part)
    if (part.type === 'file') return void out.push(...toFile(part))
    if (kind === undefined) return void out.push(...toToolCall(part))
    open ??= { id: part.id ?? '', kind, metadata: undefined, said: false }
    open.metadata = mergeMetadata(open.metadata, part.providerMetadata)
    if (part.delta !== undefined && part.delta !== '') {
      open.said = true
      out.push({ type: kind, text: part.delta })
    }
    if (!part.type.endsWith('-end')) return
    close(out)
    drain(out)
  }

  const drain = (out: ModelPart[]) => {
    const parts = waiting
    waiting = []
    for (const part of parts) take(part, out)
  }

  return {
    openText: () => (open?.kind === 'text' && open.said ? open.id : undefined),
    accept: (part) => {
      const out: ModelPart[] = []
      take(part, out)
      return out
    },
    end: () => {
      const out: ModelPart[] = []
      close(out)
      // Each round ends the block that the first waiting part belongs to, so this comes to an end.
      while (waiting.length > 0) {
        drain(out)
        close(out)
      }
      return out
    },
  }
}

function kindOf(type: string): Kind | undefined {
  if (type === 'text-delta' || type === 'text-start' || type === 'text-end') return 'text'
  if (type === 'reasoning-delta' || type === 'reasoning-start' || type === 'reasoning-end') return 'reasoning'
  return undefined
}

/** Calls that the provider carries out itself are none of the loop's business. */
function toToolCall(part: StreamPart): readonly ModelPart[] {
  const { toolCallId, toolName, providerMetadata } = part
  if (part.providerExecuted === true || toolCallId === undefined || toolName === undefined) return []
  const marks = providerMetadata === undefined ? {} : { providerMetadata }
  return [{ type: 'tool-call', toolCallId, toolName, input: toInput(part.input), ...marks }]
}

/** One that is only linked to is left out: the link may be gone tomorrow, and nobody here follows it. */
function toFile({ mediaType, data }: StreamPart): readonly ModelPart[] {
  const raw = isJsonObject(data) && data['type'] === 'data' ? data['data'] : data
  const bytes = typeof raw === 'string' ? Buffer.from(raw, 'base64') : raw
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return []
  return [{ type: 'file', mimeType: mediaType ?? 'application/octet-stream', bytes }]
}

/** Stands for the whole answer, so it waits for no block. */
function toSource({ sourceType, url, title, filename, providerMetadata }: StreamPart): readonly ModelPart[] {
  if (sourceType === 'url' && url !== undefined) {
    return [{ type: 'source', source: { type: 'url', url, ...(title !== undefined && { title }) } }]
  }
  const name = title ?? filename
  if (sourceType !== 'document' || name === undefined) return []
  const citedText = Object.values(providerMetadata ?? {}).map((marks) => marks['citedText'])[0]
  const quote = typeof citedText === 'string' ? { citedText } : {}
  const file = filename === undefined ? {} : { fileName: filename }
  return [{ type: 'source', source: { type: 'document', title: name, ...file, ...quote } }]
}

/** Parsed arguments; the raw text when they are not JSON; `{}` for none, as some servers send for a tool without any. */
function toInput(input: unknown): Json {
  // Version 2 to 4 send text; an instance that sends an object instead means the same.
  if (typeof input !== 'string') return (input ?? {}) as Json
  if (input.trim() === '') return {}
  const parsed = parseJson(input)
  return parsed === undefined ? input : parsed
}

function mergeMetadata(
  before: ProviderMetadata | undefined,
  more: ProviderMetadata | undefined,
): ProviderMetadata | undefined {
  if (before === undefined || more === undefined) return more ?? before
  const merged: Record<string, ProviderMetadata[string]> = { ...before }
  for (const [provider, marks] of Object.entries(more)) merged[provider] = { ...merged[provider], ...marks }
  return merged
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  'content-filter': 'content-filter',
  'tool-calls': 'tool-calls',
}

/**
 * The finish reason of any version: text in version 2, `{unified, raw}` since 3.
 * @returns `reason` undefined when the provider says that the answer is not to be used
 */
export function toFinishReason(finish: unknown): { readonly reason: FinishReason | undefined; readonly raw: unknown } {
  const { unified, raw } = isJsonObject(finish) ? finish : { unified: finish, raw: undefined }
  const broken = unified === 'error' || unified === 'interrupted'
  return { reason: broken ? undefined : (REASONS[String(unified)] ?? 'other'), raw }
}

/** Token counts of any version: flat numbers in version 2, nested since 3. What is missing or not a number is 0. */
export function toUsage(usage: unknown): Usage {
  const flat = isJsonObject(usage) ? usage : {}
  const input = toCounts(flat['inputTokens'])
  const output = toCounts(flat['outputTokens'])
  const inputTokens = toCount(input['total'])
  const outputTokens = toCount(output['total'])
  return {
    inputTokens,
    outputTokens,
    totalTokens: toCount(flat['totalTokens']) || inputTokens + outputTokens,
    reasoningTokens: toCount(output['reasoning'] ?? flat['reasoningTokens']),
    cacheReadTokens: toCount(input['cacheRead'] ?? flat['cachedInputTokens']),
    cacheWriteTokens: toCount(input['cacheWrite']),
  }
}

function toCounts(tokens: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(tokens) ? tokens : { total: tokens }
}

function toCount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : 0
}
