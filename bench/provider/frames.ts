/**
 * Server-sent frames of a chat completion, built once and reused: what a stream sends per token is a ready buffer.
 * @module
 */
const WORDS =
  'the weather in Oslo is clear and cool today with a light wind from the north so take a warm coat along'.split(' ')
const HEAD = '"id":"chatcmpl-fake","object":"chat.completion.chunk","created":1700000000,"model":"fake"'

export const DONE = Buffer.from('data: [DONE]\n\n')
export const ROLE = frame({ role: 'assistant', content: '' })
export const NOT_JSON = Buffer.from('data: {"id":"chatcmpl-fake","choices":[{"index":0,"delta":{"content":\n\n')
export const ERROR_FRAME = Buffer.from(
  'data: {"error":{"message":"The server had an error while processing your request","type":"server_error","code":null}}\n\n',
)

const TOKENS: readonly Buffer[] = WORDS.map((word) => frame({ content: `${word} ` }))
const REASONING = frame({ reasoning_content: 'hm ' })

export type Usage = { readonly prompt: number; readonly completion: number }

/** A frame that carries `delta`. */
export function frame(delta: object, finishReason: string | null = null): Buffer {
  return Buffer.from(
    `data: {${HEAD},"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finishReason)}}]}\n\n`,
  )
}

/** The prepared frame of the token at `index`. */
export function tokenFrame(index: number): Buffer {
  return TOKENS[index % TOKENS.length] ?? ROLE
}

/** The text of the first `tokens` tokens. */
export function tokenText(tokens: number): string {
  return Array.from({ length: tokens }, (_, index) => `${WORDS[index % WORDS.length]} `).join('')
}

export function reasoningFrames(tokens: number): readonly Buffer[] {
  return Array.from({ length: tokens }, () => REASONING)
}

/**
 * Finish reason, usage (when given) and the end mark.
 * @param ownFrame the usage in a frame of its own; else with the finish reason, where Mistral and Groq have it
 */
export function endFrames(finishReason: string, usage: Usage | undefined, ownFrame: boolean): readonly Buffer[] {
  const finish = frame({}, finishReason)
  if (usage === undefined) return [finish, DONE]
  const counts = JSON.stringify(wireUsage(usage))
  if (ownFrame) return [finish, Buffer.from(`data: {${HEAD},"choices":[],"usage":${counts}}\n\n`), DONE]
  const choice = `{"index":0,"delta":{},"finish_reason":${JSON.stringify(finishReason)}}`
  return [Buffer.from(`data: {${HEAD},"choices":[${choice}],"usage":${counts},"x_groq":{"usage":${counts}}}\n\n`), DONE]
}

export function wireUsage({ prompt, completion }: Usage): object {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0 },
  }
}
