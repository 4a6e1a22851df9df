/**
 * Requests about knowledge: documents that are uploaded, watched until they are read, and searched.
 * @module
 */
import { until } from './condition.ts'

export type UploadOptions = {
  /** Name of the file. */
  readonly name: string
  readonly text: string
  readonly metadata?: object
  readonly chunkSize?: number
}

type ContentStatus = { readonly status: string; readonly status_message: string }

/** @returns the id of its content, which is still being read */
export async function uploadDocument(url: string, { name, text, metadata, chunkSize }: UploadOptions): Promise<string> {
  const form = new FormData()
  form.set('file', new Blob([text], { type: 'text/markdown' }), name)
  if (metadata !== undefined) form.set('metadata', JSON.stringify(metadata))
  if (chunkSize !== undefined) form.set('chunk_size', String(chunkSize))
  const response = await fetch(`${url}/knowledge/content`, { method: 'POST', body: form })
  const body = (await response.json()) as { readonly id?: string }
  if (response.status !== 202 || body.id === undefined) {
    throw new Error(`uploading ${name} was answered ${response.status}: ${JSON.stringify(body)}`)
  }
  return body.id
}

export async function readContentStatus(url: string, id: string): Promise<ContentStatus> {
  const response = await fetch(`${url}/knowledge/content/${id}/status`)
  return (await response.json()) as ContentStatus
}

/** Waits until a content is read, or cannot be. */
export async function contentAtRest(url: string, id: string, timeoutMs = 40_000): Promise<ContentStatus> {
  return until(
    `content ${id} to be read`,
    async () => {
      const found = await readContentStatus(url, id)
      return found.status !== 'processing' && found
    },
    timeoutMs,
  )
}

/** Waits until so many contents are there and none is being read. @param query after the `?` */
export async function contentsRead(url: string, count: number, query = ''): Promise<readonly string[]> {
  return until(
    `${count} contents to be read`,
    async () => {
      const response = await fetch(`${url}/knowledge/content?${query}`)
      const { data = [] } = (await response.json()) as {
        readonly data?: readonly { readonly name: string; readonly status: string }[]
      }
      const isRead = data.length >= count && data.every(({ status }) => status === 'completed')
      return isRead && data.map(({ name }) => name).sort()
    },
    40_000,
  )
}

export type SearchAnswer = {
  readonly status: number
  readonly names: readonly string[]
  readonly contents: readonly string[]
}

export async function searchKnowledge(url: string, body: object): Promise<SearchAnswer> {
  const response = await fetch(`${url}/knowledge/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { data = [] } = (await response.json()) as {
    readonly data?: readonly { readonly name: string; readonly content: string }[]
  }
  return {
    status: response.status,
    names: data.map(({ name }) => name),
    contents: data.map(({ content }) => content),
  }
}
