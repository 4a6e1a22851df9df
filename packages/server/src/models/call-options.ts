/**
 * From a {@link ModelRequest} to the options of one provider call.
 * @module
 */
import type { LanguageModelV4CallOptions, LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts'
import type { LoadedMedia } from '../base/media.ts'
import type { ModelRequest, ToolChoice } from './model.ts'
import { toPrompt } from './prompt.ts'

type JsonSchema = LanguageModelV4FunctionTool['inputSchema']

const NOTHING_LOADED: ReadonlyMap<string, LoadedMedia> = new Map()

/** Options by provider name, as the interface takes them. */
export type ProviderOptions = { readonly [provider: string]: JsonObject }

/** What the providers' packages call themselves where they take `strictJsonSchema`. */
const STRICT_OPTION: Readonly<Record<string, string>> = {
  openai: 'openai',
  azure: 'openai',
  groq: 'groq',
  'openai-compatible': 'openaiCompatible',
}

/**
 * @param provider name of the provider, up to the first dot of an instance's
 * @param defaults options of our own for this provider; those of the request win
 * @param version of the model's interface, `v2` to `v4`
 */
export function toCallOptions(
  request: ModelRequest,
  provider: string,
  defaults: ProviderOptions,
  signal: AbortSignal,
  version?: string,
): LanguageModelV4CallOptions {
  const { settings, tools, output } = request
  const { providerOptions: own, stopSequences, ...sampling } = settings
  const strict = output === undefined ? {} : strictOptions(provider, output.schema)
  const providerOptions = mergeOptions(mergeOptions(defaults, strict), own ?? {})
  const options: LanguageModelV4CallOptions = {
    ...definedOnly(sampling),
    prompt: toPrompt(request.messages, { media: request.media ?? NOTHING_LOADED, version }),
    abortSignal: signal,
  }
  if (stopSequences !== undefined) options.stopSequences = [...stopSequences]
  if (tools.length > 0) {
    options.tools = tools.map(({ name, description, parameters }) => ({
      type: 'function',
      name,
      ...(description === '' ? {} : { description }),
      // JSON Schema by contract; the interface's type is the same, written as draft 7.
      inputSchema: parameters as JsonSchema,
    }))
    options.toolChoice = toToolChoice(request.toolChoice)
  }
  if (output !== undefined) {
    // Providers refuse other characters in the name of a schema, and names over 64.
    const name = output.name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'answer'
    options.responseFormat = { type: 'json', schema: output.schema as JsonSchema, name }
  }
  if (Object.keys(providerOptions).length > 0) {
    options.providerOptions = providerOptions
  }
  return options
}

function toToolChoice(choice: ToolChoice): NonNullable<LanguageModelV4CallOptions['toolChoice']> {
  return typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.tool }
}

/** A provider that is strict by default refuses a schema with optional or open properties: ask it not to be. */
function strictOptions(provider: string, schema: JsonObject): ProviderOptions {
  const name = STRICT_OPTION[provider]
  return name === undefined || isStrict(schema) ? {} : { [name]: { strictJsonSchema: false } }
}

/** Whether every object in `schema` is closed and requires all its properties. */
export function isStrict(schema: Json): boolean {
  if (Array.isArray(schema)) return schema.every((item: Json) => isStrict(item))
  if (!isJsonObject(schema)) return true
  const { properties, required, additionalProperties, type } = schema
  if (type === 'object' || properties !== undefined) {
    if (additionalProperties !== false || !isJsonObject(properties)) return false
    const names = Array.isArray(required) ? required : []
    if (!Object.keys(properties).every((name) => names.includes(name))) return false
  }
  return Object.entries(schema).every(([key, value]) => KEYWORD_OF_VALUES.has(key) || isStrict(value))
}

/** Keywords whose content is data, not schemas. */
const KEYWORD_OF_VALUES: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples', 'required'])

function mergeOptions(
  base: ProviderOptions,
  over: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): ProviderOptions {
  const merged: Record<string, JsonObject> = { ...base }
  // Values of authors are checked by the provider package against its own schema.
  for (const [name, options] of Object.entries(over)) merged[name] = { ...merged[name], ...(options as JsonObject) }
  return merged
}

/** Without the keys whose value is undefined: providers take a present key as set. */
function definedOnly<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}
