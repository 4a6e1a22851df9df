/**
 * The providers that embed: what each needs of the environment, how much one call may hold, and how it is made. Keys and
 * base URLs are those of their models; some have no models here and only embed.
 * @module
 */
import { bedrockSettings, FAMILIES, settingOf, type Env } from './families.ts'
import { type EmbedCall, type EmbedRequest, googleCall, openAiCall } from './embedding-request.ts'

export type EmbeddingFamily = {
  /** Variables that may hold the key, the usual one first. */
  readonly keys: readonly string[]
  /** What the environment lacks, in words; undefined when nothing. */
  readonly problem: (env: Env) => string | undefined
  /** Most texts of one call. Decimal vectors are long to read, so those who send them get fewer. */
  readonly callTexts: (id: string) => number
  /** Most tokens of one call, as estimated. */
  readonly callTokens: number
  readonly open: (env: Env, fetch: typeof globalThis.fetch, id: string) => Promise<EmbedCall>
}

const OPENAI_URL = 'https://api.openai.com/v1'
/** Texts of a call whose vectors come as base64. */
const MANY = 128
/** Texts of a call whose vectors come as decimal numbers. */
const FEW = 32

const openai: EmbeddingFamily = {
  ...familyOf('openai'),
  ...limits(MANY, 100_000),
  open: async (env, fetch, id) => {
    const url = `${trimUrl(settingOf(env, ['OPENAI_BASE_URL']) ?? OPENAI_URL)}/embeddings`
    return openAiCall({ fetch, url, headers: bearer(settingOf(env, ['OPENAI_API_KEY'])) }, id, openAiBody)
  },
}

/** Paths as the provider package of its models makes them. */
const azure: EmbeddingFamily = {
  ...familyOf('azure'),
  ...limits(MANY, 100_000),
  open: async (env, fetch, id) => {
    const own = settingOf(env, ['AZURE_BASE_URL'])
    const resource = settingOf(env, ['AZURE_RESOURCE_NAME']) ?? ''
    const base = trimUrl(own ?? `https://${resource}.openai.azure.com/openai`)
    const { hostname, pathname } = new URL(base)
    const isAzure = /\.(?:openai\.azure|services\.ai\.azure|cognitiveservices\.azure)\.com$/.test(hostname)
    const isWhole = !isAzure || pathname.toLowerCase().endsWith('/openai/v1')
    const url = isWhole ? `${base}/embeddings` : `${base}/v1/embeddings?api-version=v1`
    const key = settingOf(env, FAMILIES['azure']?.keys ?? []) ?? ''
    return openAiCall({ fetch, url, headers: { 'api-key': key } }, id, openAiBody)
  },
}

const google: EmbeddingFamily = {
  ...familyOf('google'),
  ...limits(FEW, 20_000),
  open: async (env, fetch, id) => {
    const own = settingOf(env, ['GOOGLE_GENERATIVE_AI_BASE_URL'])
    const base = trimUrl(own ?? 'https://generativelanguage.googleapis.com/v1beta')
    const key = settingOf(env, FAMILIES['google']?.keys ?? []) ?? ''
    const url = `${base}/models/${encodeURIComponent(id)}:batchEmbedContents`
    return googleCall({ fetch, url, headers: { 'x-goog-api-key': key } }, id)
  },
}

const mistral: EmbeddingFamily = {
  ...familyOf('mistral'),
  ...limits(FEW, 16_000),
  open: async (env, fetch, id) => {
    const url = `${trimUrl(settingOf(env, ['MISTRAL_BASE_URL']) ?? 'https://api.mistral.ai/v1')}/embeddings`
    const headers = bearer(settingOf(env, ['MISTRAL_API_KEY']))
    return openAiCall({ fetch, url, headers }, id, ({ dimensions }) => ({ output_dimension: dimensions }))
  },
}

/** Signed by the provider package of its models, which also knows each model's own request. */
const amazonBedrock: EmbeddingFamily = {
  ...familyOf('amazon-bedrock'),
  callTexts: (id) => (/cohere/i.test(id) ? 96 : 1),
  callTokens: 40_000,
  open: async (env, fetch, id) => {
    const { createAmazonBedrock } = await import('@ai-sdk/amazon-bedrock')
    const model = createAmazonBedrock({ ...bedrockSettings(env), fetch }).embedding(id)
    return async ({ texts, dimensions, purpose }, abortSignal) => {
      const amazonBedrock = bedrockOptions(id, dimensions, purpose)
      const options = { values: [...texts], abortSignal, providerOptions: { amazonBedrock } }
      const { embeddings, usage } = await model.doEmbed(options)
      return { vectors: embeddings.map((vector) => Float32Array.from(vector)), tokens: usage?.tokens ?? 0 }
    }
  },
}

const openaiCompatible: EmbeddingFamily = {
  ...familyOf('openai-compatible'),
  ...limits(64, 50_000),
  open: async (env, fetch, id) => {
    const base = trimUrl(settingOf(env, ['OPENAI_COMPATIBLE_BASE_URL', 'OPENAI_BASE_URL']) ?? '')
    const key = settingOf(env, ['OPENAI_COMPATIBLE_API_KEY', 'OPENAI_API_KEY'])
    return openAiCall({ fetch, url: `${base}/embeddings`, headers: bearer(key) }, id, openAiBody)
  },
}

/** A server on this machine, unless OLLAMA_BASE_URL names another; it needs no key. */
const ollama: EmbeddingFamily = {
  keys: ['OLLAMA_API_KEY'],
  problem: (env) => urlProblem(env, 'OLLAMA_BASE_URL'),
  ...limits(64, 50_000),
  open: async (env, fetch, id) => {
    const base = trimUrl(settingOf(env, ['OLLAMA_BASE_URL']) ?? 'http://127.0.0.1:11434')
    const url = `${base.endsWith('/v1') ? base : `${base}/v1`}/embeddings`
    return openAiCall({ fetch, url, headers: bearer(settingOf(env, ['OLLAMA_API_KEY'])) }, id, openAiBody)
  },
}

const voyage: EmbeddingFamily = {
  ...embedOnly('VOYAGE_API_KEY', 'VOYAGE_BASE_URL'),
  ...limits(MANY, 100_000),
  open: async (env, fetch, id) => {
    const url = `${trimUrl(settingOf(env, ['VOYAGE_BASE_URL']) ?? 'https://api.voyageai.com/v1')}/embeddings`
    return openAiCall({ fetch, url, headers: bearer(settingOf(env, ['VOYAGE_API_KEY'])) }, id, (request) => ({
      output_dimension: request.dimensions,
      input_type: request.purpose,
      encoding_format: 'base64',
    }))
  },
}

/** Over the endpoint that speaks OpenAI's shape, which does not tell queries from documents. */
const cohere: EmbeddingFamily = {
  ...embedOnly('COHERE_API_KEY', 'COHERE_BASE_URL'),
  ...limits(96, 50_000),
  open: async (env, fetch, id) => {
    const base = trimUrl(settingOf(env, ['COHERE_BASE_URL']) ?? 'https://api.cohere.ai/compatibility/v1')
    const headers = bearer(settingOf(env, ['COHERE_API_KEY']))
    return openAiCall({ fetch, url: `${base}/embeddings`, headers }, id, openAiBody)
  },
}

/** By the name in `provider:id`. */
export const EMBEDDING_FAMILIES: Readonly<Record<string, EmbeddingFamily>> = {
  openai,
  azure,
  google,
  mistral,
  'amazon-bedrock': amazonBedrock,
  'openai-compatible': openaiCompatible,
  ollama,
  voyage,
  cohere,
}

/** The official clients ask for base64 too, so servers that they can talk to at least pass over it. */
function openAiBody({ dimensions }: EmbedRequest) {
  return { dimensions, encoding_format: 'base64' }
}

/** Under the names that each family of models takes. */
function bedrockOptions(id: string, dimensions: number | undefined, purpose: EmbedRequest['purpose']) {
  if (/cohere/i.test(id)) {
    const inputType = purpose === 'query' ? 'search_query' : 'search_document'
    return { inputType, ...(dimensions === undefined ? {} : { outputDimension: dimensions }) }
  }
  const name = /nova/i.test(id) ? 'embeddingDimension' : 'dimensions'
  return dimensions === undefined ? {} : { [name]: dimensions }
}

function familyOf(name: string): Pick<EmbeddingFamily, 'keys' | 'problem'> {
  const family = FAMILIES[name]
  if (family === undefined) throw new RangeError(`no provider "${name}"`)
  return { keys: family.keys, problem: family.problem }
}

function embedOnly(key: string, baseUrl: string): Pick<EmbeddingFamily, 'keys' | 'problem'> {
  return {
    keys: [key],
    problem: (env) =>
      settingOf(env, [key]) === undefined ? `needs ${key}, which is not set` : urlProblem(env, baseUrl),
  }
}

function limits(texts: number, callTokens: number): Pick<EmbeddingFamily, 'callTexts' | 'callTokens'> {
  return { callTexts: () => texts, callTokens }
}

/** The value is not repeated: a base URL may carry a password. */
function urlProblem(env: Env, name: string): string | undefined {
  const value = settingOf(env, [name])
  if (value === undefined || /^https?:$/.test(URL.parse(value)?.protocol ?? '')) return undefined
  return `needs ${name} to be an http or https URL`
}

function bearer(key: string | undefined): Readonly<Record<string, string>> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` }
}

function trimUrl(url: string): string {
  return url.replace(/\/+$/, '')
}
