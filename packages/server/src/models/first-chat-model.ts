/**
 * The id `auto`: the first model an OpenAI-compatible server lists that can chat.
 * @module
 */
import { isJsonObject } from '../base/json.ts'

/** Ids of models that do not answer chats, by the words their names carry. */
const NOT_CHAT = /embed|rerank|whisper|tts|speech|moderation|dall-e|image/i

/** Longest time for the list, in milliseconds. */
const LIST_MS = 10_000

/**
 * @param baseUrl without a slash at its end
 * @throws {Error} when the server gives no list or lists no such model; it carries `statusCode` when that is the cause
 */
export async function firstChatModel(
  baseUrl: string,
  key: string | undefined,
  fetch: typeof globalThis.fetch,
): Promise<string> {
  const response = await fetch(`${baseUrl}/models`, {
    headers: { accept: 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    signal: AbortSignal.timeout(LIST_MS),
  })
  const responseBody = await response.text()
  if (!response.ok) {
    throw Object.assign(new Error('the list of models failed'), { statusCode: response.status, responseBody })
  }
  const id = idsIn(responseBody).find((candidate) => !NOT_CHAT.test(candidate))
  if (id === undefined)
    throw new Error('the server lists no chat model; write its id, as in openai-compatible:my-model')
  return id
}

function idsIn(body: string): readonly string[] {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (cause) {
    throw new Error('the list of models is not JSON; write the id of the model, as in openai-compatible:my-model', {
      cause,
    })
  }
  const data = isJsonObject(json) ? json['data'] : undefined
  if (!Array.isArray(data)) return []
  return data.flatMap((entry: unknown) => (isJsonObject(entry) && typeof entry['id'] === 'string' ? [entry['id']] : []))
}
