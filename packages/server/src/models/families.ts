/**
 * The provider families of the registry: which variables each reads and how its package is opened. A package is imported
 * by the first call that needs it, so that an idle server does not carry providers nobody uses. Every setting is handed
 * over explicitly: the packages would otherwise read the environment themselves.
 * @module
 */
import type { ProviderOptions } from './call-options.ts'
import type { ProviderModel } from './stream.ts'

export type Env = Readonly<Record<string, string | undefined>>

export type Opened = (modelId: string) => ProviderModel | Promise<ProviderModel>

export type Family = {
  /** Variables that may hold the key, the usual one first. */
  readonly keys: readonly string[]
  /** Variable of the base URL, for gateways and servers of one's own. */
  readonly baseUrl: string
  /** What the environment lacks, in words; undefined when nothing. */
  readonly problem: (env: Env) => string | undefined
  readonly defaults: (env: Env) => ProviderOptions
  readonly open: (env: Env, fetch: typeof globalThis.fetch) => Promise<Opened>
}

/** The first of `names` that is set and not blank. */
export function settingOf(env: Env, names: readonly string[]): string | undefined {
  return names.map((name) => env[name]?.trim()).find((value) => value !== undefined && value !== '')
}

/**
 * `openai` speaks the Responses API, and chat completions as soon as OPENAI_BASE_URL names another server, because few
 * compatible servers have the former. Nothing is stored at OpenAI: the transcript is ours.
 */
const openai: Family = {
  ...keyed(['OPENAI_API_KEY'], 'OPENAI_BASE_URL'),
  defaults: (env) => (baseUrlOf(env, openai.baseUrl) === undefined ? { openai: { store: false } } : {}),
  open: async (env, fetch) => {
    const { createOpenAI } = await import('@ai-sdk/openai')
    const baseURL = baseUrlOf(env, openai.baseUrl)
    const provider = createOpenAI({
      apiKey: keyOf(env, openai),
      baseURL: baseURL ?? 'https://api.openai.com/v1',
      fetch,
    })
    return (id) => (baseURL === undefined ? provider.responses(id) : provider.chat(id))
  },
}

const anthropic: Family = {
  ...keyed(['ANTHROPIC_API_KEY'], 'ANTHROPIC_BASE_URL'),
  open: async (env, fetch) => {
    const { createAnthropic } = await import('@ai-sdk/anthropic')
    const baseURL = baseUrlOf(env, anthropic.baseUrl) ?? 'https://api.anthropic.com/v1'
    const provider = createAnthropic({ apiKey: keyOf(env, anthropic), baseURL, fetch })
    return (id) => provider(id)
  },
}

const google: Family = {
  ...keyed(['GOOGLE_GENERATIVE_AI_API_KEY', 'GOOGLE_API_KEY', 'GEMINI_API_KEY'], 'GOOGLE_GENERATIVE_AI_BASE_URL'),
  open: async (env, fetch) => {
    const { createGoogle } = await import('@ai-sdk/google')
    const provider = createGoogle({ apiKey: keyOf(env, google), ...baseUrlSetting(env, google), fetch })
    return (id) => provider(id)
  },
}

const mistral: Family = {
  ...keyed(['MISTRAL_API_KEY'], 'MISTRAL_BASE_URL'),
  open: async (env, fetch) => {
    const { createMistral } = await import('@ai-sdk/mistral')
    const provider = createMistral({ apiKey: keyOf(env, mistral), ...baseUrlSetting(env, mistral), fetch })
    return (id) => provider(id)
  },
}

const groq: Family = {
  ...keyed(['GROQ_API_KEY'], 'GROQ_BASE_URL'),
  open: async (env, fetch) => {
    const { createGroq } = await import('@ai-sdk/groq')
    const provider = createGroq({ apiKey: keyOf(env, groq), ...baseUrlSetting(env, groq), fetch })
    return (id) => provider(id)
  },
}

/** Azure by resource name speaks the Responses API; behind AZURE_BASE_URL chat completions, for the same reason as above. */
const azure: Family = {
  ...keyed(['AZURE_API_KEY', 'AZURE_OPENAI_API_KEY'], 'AZURE_BASE_URL'),
  problem: (env) => {
    const located = settingOf(env, ['AZURE_RESOURCE_NAME', azure.baseUrl]) !== undefined
    return (
      keyProblem(env, azure) ?? (located ? undefined : 'needs AZURE_RESOURCE_NAME or AZURE_BASE_URL, neither is set')
    )
  },
  defaults: (env) => (baseUrlOf(env, azure.baseUrl) === undefined ? { openai: { store: false } } : {}),
  open: async (env, fetch) => {
    const { createAzure } = await import('@ai-sdk/azure')
    const baseURL = baseUrlOf(env, azure.baseUrl)
    const resourceName = settingOf(env, ['AZURE_RESOURCE_NAME']) ?? ''
    const place = baseURL === undefined ? { resourceName } : { baseURL }
    const provider = createAzure({ apiKey: keyOf(env, azure), ...place, fetch })
    return (id) => (baseURL === undefined ? provider.responses(id) : provider.chat(id))
  },
}

const BEDROCK_SIGNING = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
const BEDROCK_REGION = ['AWS_REGION', 'AWS_DEFAULT_REGION']

/** Bedrock by bearer token, or by access key and secret (with a session token where there is one). */
const amazonBedrock: Family = {
  ...keyed(['AWS_BEARER_TOKEN_BEDROCK'], 'AWS_ENDPOINT_URL_BEDROCK_RUNTIME'),
  problem: (env) => {
    const signed = BEDROCK_SIGNING.every((name) => settingOf(env, [name]) !== undefined)
    if (!signed && keyProblem(env, amazonBedrock) !== undefined) {
      return `needs AWS_BEARER_TOKEN_BEDROCK, or ${BEDROCK_SIGNING.join(' and ')}; they are not set`
    }
    if (settingOf(env, BEDROCK_REGION) === undefined) return 'needs AWS_REGION, which is not set'
    return baseUrlProblem(env, amazonBedrock.baseUrl)
  },
  open: async (env, fetch) => {
    const { createAmazonBedrock } = await import('@ai-sdk/amazon-bedrock')
    const provider = createAmazonBedrock({ ...bedrockSettings(env), fetch })
    return (id) => provider(id)
  },
}

/** Where Bedrock is, and how its requests are signed. */
export function bedrockSettings(env: Env) {
  const sessionToken = settingOf(env, ['AWS_SESSION_TOKEN'])
  return {
    region: settingOf(env, BEDROCK_REGION) ?? '',
    apiKey: keyOf(env, amazonBedrock),
    accessKeyId: settingOf(env, ['AWS_ACCESS_KEY_ID']) ?? '',
    secretAccessKey: settingOf(env, ['AWS_SECRET_ACCESS_KEY']) ?? '',
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...baseUrlSetting(env, amazonBedrock),
  }
}

const COMPATIBLE_URLS = ['OPENAI_COMPATIBLE_BASE_URL', 'OPENAI_BASE_URL']
const COMPATIBLE_KEYS = ['OPENAI_COMPATIBLE_API_KEY', 'OPENAI_API_KEY']

/** Any server with `/chat/completions`; the key is optional, and the id `auto` means the first chat model it lists. */
const openaiCompatible: Family = {
  keys: COMPATIBLE_KEYS,
  baseUrl: 'OPENAI_COMPATIBLE_BASE_URL',
  problem: (env) => {
    if (settingOf(env, COMPATIBLE_URLS) === undefined) return `needs ${COMPATIBLE_URLS.join(' or ')}, neither is set`
    return COMPATIBLE_URLS.map((name) => baseUrlProblem(env, name)).find((problem) => problem !== undefined)
  },
  defaults: () => ({}),
  open: async (env, fetch) => {
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
    const baseURL = (settingOf(env, COMPATIBLE_URLS) ?? '').replace(/\/+$/, '')
    const key = settingOf(env, COMPATIBLE_KEYS)
    const provider = createOpenAICompatible({
      name: 'openai-compatible',
      baseURL,
      ...(key === undefined ? {} : { apiKey: key }),
      fetch,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })
    let first: Promise<string> | undefined
    return async (id) => {
      if (id !== 'auto') return provider.chatModel(id)
      const { firstChatModel } = await import('./first-chat-model.ts')
      first ??= firstChatModel(baseURL, key, fetch)
      return provider.chatModel(
        await first.catch((error: unknown) => ((first = undefined), Promise.reject(error as Error))),
      )
    }
  },
}

/** By the name in `provider:id`. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  openai,
  anthropic,
  google,
  azure,
  'amazon-bedrock': amazonBedrock,
  mistral,
  groq,
  'openai-compatible': openaiCompatible,
}

function keyed(keys: readonly string[], baseUrl: string): Omit<Family, 'open'> {
  return { keys, baseUrl, problem: (env) => keyProblem(env, { keys, baseUrl }), defaults: () => ({}) }
}

function keyProblem(env: Env, { keys, baseUrl }: Pick<Family, 'keys' | 'baseUrl'>): string | undefined {
  if (settingOf(env, keys) === undefined) return `needs ${keys[0]}, which is not set`
  return baseUrlProblem(env, baseUrl)
}

function keyOf(env: Env, { keys }: Family): string {
  return settingOf(env, keys) ?? ''
}

function baseUrlSetting(env: Env, { baseUrl }: Family): { readonly baseURL?: string } {
  const baseURL = baseUrlOf(env, baseUrl)
  return baseURL === undefined ? {} : { baseURL }
}

function baseUrlOf(env: Env, name: string): string | undefined {
  return settingOf(env, [name])?.replace(/\/+$/, '')
}

/** The value is not repeated: a base URL may carry a password. */
function baseUrlProblem(env: Env, name: string): string | undefined {
  const value = settingOf(env, [name])
  if (value === undefined || /^https?:$/.test(URL.parse(value)?.protocol ?? '')) return undefined
  return `needs ${name} to be an http or https URL`
}
