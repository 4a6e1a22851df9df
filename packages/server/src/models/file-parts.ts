/**
 * What is attached to messages, as parts of the prompt: bytes and links as file parts, which the provider takes or
 * refuses; texts as text, which every model reads.
 * @module
 */
import type { LanguageModelV4FilePart, LanguageModelV4TextPart } from '@ai-sdk/provider'
import { isJsonObject } from '../base/json.ts'
import { describeMedia, type LoadedMedia, type Media } from '../base/media.ts'

export type MediaContext = {
  readonly media: ReadonlyMap<string, LoadedMedia>
  /** Of the model's interface: up to 3, files are not tagged by what they are. */
  readonly version: string | undefined
}

type Part = LanguageModelV4TextPart | LanguageModelV4FilePart

/** Media that was not loaded is left out: the agent does not show it to its model. */
export function toMediaParts(media: readonly Media[], context: MediaContext): Part[] {
  return media.flatMap((medium) => {
    const loaded = context.media.get(medium.id)
    return loaded === undefined ? [] : [toPart(medium, loaded, context.version)]
  })
}

function toPart(medium: Media, loaded: LoadedMedia, version: string | undefined): Part {
  const { name, mimeType } = medium
  switch (loaded.type) {
    case 'text':
      return { type: 'text', text: quoteFile(medium, loaded.text) }
    case 'absent':
      return { type: 'text', text: `[The ${describeMedia(medium)} cannot be shown: ${loaded.why}]` }
    case 'bytes':
    case 'url': {
      const data =
        loaded.type === 'bytes'
          ? ({ type: 'data', data: loaded.bytes } as const)
          : ({ type: 'url', url: new URL(loaded.url) } as const)
      const part = {
        type: 'file',
        mediaType: mimeType,
        ...(name !== undefined && { filename: name }),
        ...marksOf(medium),
      }
      // The interface of version 2 and 3 has the bytes or the URL itself here.
      const value = version === 'v4' ? data : data.type === 'data' ? data.data : data.url
      return { ...part, data: value } as LanguageModelV4FilePart
    }
  }
}

function quoteFile({ name, mimeType }: Media, text: string): string {
  const named = name === undefined ? '' : ` name=${JSON.stringify(name)}`
  return `<file${named} type="${mimeType}">\n${text}\n</file>`
}

/** OpenAI's own setting of how closely a picture is looked at. */
function marksOf({ kind, details }: Media): Pick<LanguageModelV4FilePart, 'providerOptions'> {
  const detail = isJsonObject(details) ? details['detail'] : undefined
  return kind === 'image' && typeof detail === 'string' ? { providerOptions: { openai: { imageDetail: detail } } } : {}
}
