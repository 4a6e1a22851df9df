/**
 * A chat-completions request, as far as the fake provider looks at it.
 * @module
 */
export type ChatRequest = {
  readonly model: string
  readonly stream: boolean
  /** Token counts in a frame of their own, as OpenAI sends them when asked. */
  readonly usageFrame: boolean
  /** Text of the last user message. */
  readonly user: string
  /** Number of this model call since the last user message, from 1. */
  readonly call: number
  readonly tools: ReadonlyMap<string, unknown>
  /** Characters of all messages; a quarter of it is reported as prompt tokens. */
  readonly characters: number
}

type WireMessage = { readonly role?: unknown; readonly content?: unknown }
type WireTool = { readonly function?: { readonly name?: unknown; readonly parameters?: unknown } }

/** @throws {SyntaxError} when the body is not a chat-completions request */
export function readRequest(body: string): ChatRequest {
  // JSON.parse gives any; every field is checked below before it is used.
  const json = JSON.parse(body) as {
    model?: unknown
    stream?: unknown
    messages?: unknown
    tools?: unknown
    stream_options?: { include_usage?: unknown }
  }
  if (typeof json.model !== 'string' || !Array.isArray(json.messages)) {
    throw new SyntaxError('fake provider: a request needs model and messages')
  }
  const messages = json.messages as readonly WireMessage[]
  const last = messages.findLastIndex((message) => message.role === 'user')
  const answers = messages.slice(last + 1).filter((message) => message.role === 'assistant')
  const tools = (Array.isArray(json.tools) ? json.tools : []) as readonly WireTool[]
  return {
    model: json.model,
    stream: json.stream === true,
    usageFrame: json.stream_options?.include_usage === true,
    user: textOf(messages[last]?.content),
    call: answers.length + 1,
    tools: new Map(tools.map((tool) => [String(tool.function?.name), tool.function?.parameters])),
    characters: body.length,
  }
}

/** Example arguments for a tool: a value for each required property of its JSON Schema. */
export function exampleArguments(parameters: unknown): Record<string, unknown> {
  const schema = parameters as { properties?: Record<string, unknown>; required?: readonly string[] } | undefined
  const entries = (schema?.required ?? []).map((name) => [name, exampleValue(schema?.properties?.[name])])
  return Object.fromEntries(entries) as Record<string, unknown>
}

function exampleValue(property: unknown): unknown {
  const schema = (property ?? {}) as { type?: unknown; enum?: readonly unknown[]; minimum?: unknown }
  if (Array.isArray(schema.enum)) return schema.enum[0]
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'number' || type === 'integer') return typeof schema.minimum === 'number' ? schema.minimum : 1
  if (type === 'boolean') return true
  if (type === 'array') return []
  if (type === 'object') return exampleArguments(property)
  return 'Oslo'
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return (content as readonly { text?: unknown }[])
    .map((part) => (typeof part.text === 'string' ? part.text : ''))
    .join('')
}
