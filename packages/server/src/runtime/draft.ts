/**
 * The reply of a model while it streams: parts as they come, joined into what the transcript keeps. Mutable, because it
 * is touched once per token; it lives as long as one model call.
 * @module
 */
import type { AssistantPart, ProviderMetadata, ToolCall } from '../base/message.ts'
import { addSource, type Source } from '../base/source.ts'
import { NO_USAGE, type Usage } from '../base/usage.ts'
import type { FinishReason, ModelPart } from '../models/model.ts'

export type Draft = {
  parts: AssistantPart[]
  /** Part that the next delta of its kind extends. */
  openType: 'text' | 'reasoning' | undefined
  openText: string
  usage: Usage
  reason: FinishReason | undefined
  timeToFirstTokenMs: number | undefined
  /** Files that the model made, each with the number of parts before it. */
  files: { readonly after: number; readonly mimeType: string; readonly bytes: Uint8Array }[]
  /** What the provider cites, each once. */
  sources: readonly Source[]
  /** Whether anything of it has been shown, so that the call can no longer be tried again. */
  shown: boolean
}

export function createDraft(): Draft {
  return {
    parts: [],
    openType: undefined,
    openText: '',
    usage: NO_USAGE,
    reason: undefined,
    timeToFirstTokenMs: undefined,
    files: [],
    sources: [],
    shown: false,
  }
}

export function addPart(draft: Draft, part: ModelPart): void {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      if (draft.openType !== part.type) {
        closePart(draft, undefined)
        draft.openType = part.type
      }
      draft.openText += part.text
      return
    case 'part-end':
      endPart(draft, part.part, part.providerMetadata)
      return
    case 'tool-call':
      closePart(draft, undefined)
      draft.parts.push(part)
      return
    case 'file':
      closePart(draft, undefined)
      draft.files.push({ after: draft.parts.length, mimeType: part.mimeType, bytes: part.bytes })
      return
    case 'source':
      draft.sources = addSource(draft.sources, part.source)
      return
    case 'finish':
      closePart(draft, undefined)
      draft.usage = part.usage
      draft.reason = part.reason
  }
}

/** Text and reasoning so far; calls are left out, because a reply that did not end has made none. */
export function partialPartsOf(draft: Draft): AssistantPart[] {
  closePart(draft, undefined)
  return draft.parts.filter((part) => part.type !== 'tool-call')
}

/**
 * Calls get an id that the run has not seen: some models number them anew in each reply, or give none. Clients match
 * results by id, and the effect key of a call is made of it.
 */
export function finalPartsOf(draft: Draft, taken: ReadonlySet<string>, newId: () => string): AssistantPart[] {
  closePart(draft, undefined)
  const seen = new Set(taken)
  return draft.parts.map((part) => {
    if (part.type !== 'tool-call') return part
    const toolCallId = part.toolCallId === '' || seen.has(part.toolCallId) ? newId() : part.toolCallId
    seen.add(toolCallId)
    return toolCallId === part.toolCallId ? part : ({ ...part, toolCallId } satisfies ToolCall)
  })
}

function endPart(draft: Draft, type: 'text' | 'reasoning', metadata: ProviderMetadata | undefined): void {
  if (draft.openType === type) return closePart(draft, metadata)
  if (metadata === undefined) return
  closePart(draft, undefined)
  const last = draft.parts.findLastIndex((part) => part.type === type && part.providerMetadata === undefined)
  const found = draft.parts[last]
  // A part without text can still carry marks that the provider wants back (encrypted reasoning).
  if (found === undefined) draft.parts.push({ type, text: '', providerMetadata: metadata })
  else draft.parts[last] = { ...found, providerMetadata: metadata }
}

function closePart(draft: Draft, metadata: ProviderMetadata | undefined): void {
  const { openType: type, openText: text } = draft
  draft.openType = undefined
  draft.openText = ''
  if (type === undefined || (text === '' && metadata === undefined)) return
  draft.parts.push(metadata === undefined ? { type, text } : { type, text, providerMetadata: metadata })
}
