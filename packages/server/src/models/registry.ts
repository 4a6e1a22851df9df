/**
 * From `provider:id`, or a model instance of the AI SDK, to a {@link Model}. Resolving checks the name only: no import, no
 * connection, no key. A missing key is told by the call that needs it, so that it does not take a folder of agents down.
 * @module
 */
import type { ModelInstance } from '@agentos/sdk'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { createRedact, type Redact } from '../base/redact.ts'
import { createDemoModel } from './demo/model.ts'
import { FAMILIES, settingOf, type Env, type Family, type Opened } from './families.ts'
import type { FailureContext } from './failure.ts'
import { ModelError, type Model } from './model.ts'
import { streamModel, type ProviderModel } from './stream.ts'
import type { Transport, TransportLimits } from './transport.ts'

export type ModelsOptions = {
  /** Keys, base URLs and proxies are read here. */
  readonly env: Env
  /** Replaces the pooled transport; for tests. */
  readonly fetch?: typeof fetch
  readonly clock: Clock
  readonly redact: Redact
  /** Time limits of the pooled transport; default 10 s to connect, 300 s to the first byte and of silence. */
  readonly limits?: TransportLimits
  /** Milliseconds between the words of the demo model, default 25; 0 answers at once. */
  readonly demoDelayMs?: number
}

export type Models = {
  /** @throws {AgentOSError} MODEL_UNKNOWN */
  readonly resolve: (model: string | ModelInstance) => Promise<Model>
  /** What the environment lacks for this model, naming the variable; undefined when nothing, or when nobody can know. */
  readonly keyProblem: (model: string | ModelInstance) => string | undefined
  /** Closes all connections; calls that still run fail. */
  readonly close: () => Promise<void>
}

export const DEMO_MODEL = 'demo:assistant'

/** Specification versions of the AI SDK whose models can be called. */
const VERSIONS: readonly string[] = ['v2', 'v3', 'v4']

/** Makes the model registry of a process or worker. Nothing is opened before the first call. */
export function createModels(options: ModelsOptions): Models {
  const { env, clock } = options
  const redact = withKeys(options.redact, env)
  const opened = new Map<string, Promise<Opened>>()
  let transport: Promise<Transport> | undefined
  let closed = false

  const openFetch = async (): Promise<typeof fetch> => {
    if (options.fetch !== undefined) return options.fetch
    transport ??= import('./transport.ts').then(({ createTransport }) => createTransport(env, options.limits))
    return (await transport).fetch
  }
  const openFamily = (provider: string, family: Family): Promise<Opened> => {
    const known = opened.get(provider)
    if (known !== undefined) return known
    const opening = openFetch().then((send) => family.open(env, send))
    opened.set(provider, opening)
    opening.catch(() => opened.delete(provider))
    return opening
  }
  const familyModel = (provider: string, id: string, family: Family): Model => {
    const keyVariable = family.keys.find((name) => settingOf(env, [name]) !== undefined) ?? family.keys[0]
    const failure: FailureContext = { provider, keyVariable, redact, now: clock.now }
    let opening: Promise<ProviderModel> | undefined
    // Kept for all calls: the packages build their schemas once per model, which costs more than a call does.
    const open = async (): Promise<ProviderModel> => {
      if (closed) throw new ModelError('MODEL_UNAVAILABLE', 'the server is stopping', { retryable: false })
      const problem = family.problem(env)
      if (problem !== undefined) {
        throw new ModelError('MODEL_KEY_MISSING', `${provider} ${problem}`, { retryable: false })
      }
      opening ??= openFamily(provider, family).then((openModel) => openModel(id))
      opening.catch(() => (opening = undefined))
      return opening
    }
    const source = { open, defaults: family.defaults(env), failure }
    return { name: { provider, id }, stream: (request, signal) => streamModel(source, request, signal) }
  }
  const named = new Map<string, Model>()
  const resolveName = (name: string): Model => {
    const known = named.get(name)
    if (known !== undefined) return known
    const { provider, id } = parseModelName(name)
    const family = familyOf(provider)
    const demo = { delayMs: options.demoDelayMs ?? 25 }
    const model = family === undefined ? createDemoModel(demo) : familyModel(provider, id, family)
    named.set(name, model)
    return model
  }

  return {
    resolve: async (model) => (typeof model === 'string' ? resolveName(model) : instanceModel(model, redact, clock)),
    keyProblem: (model) => {
      if (typeof model !== 'string') return undefined
      const { provider } = parseModelName(model)
      const problem = familyOf(provider)?.problem(env)
      return problem === undefined ? undefined : `${provider} ${problem}`
    },
    close: async () => {
      closed = true
      const open = await transport
      open?.close()
    },
  }
}

/**
 * The model of agents that name none: the first provider that the environment has the means for. A server of one's own
 * comes first, because OPENAI_API_KEY is often set for it too.
 */
export function chooseDefaultModel(env: Env): string {
  const ownServer = settingOf(env, ['OPENAI_COMPATIBLE_BASE_URL', 'OPENAI_BASE_URL'])
  if (ownServer !== undefined && URL.parse(ownServer)?.hostname !== 'api.openai.com') return 'openai-compatible:auto'
  if (settingOf(env, ['OPENAI_API_KEY']) !== undefined) return 'openai:gpt-5-mini'
  if (settingOf(env, FAMILIES['anthropic']?.keys ?? []) !== undefined) return 'anthropic:claude-sonnet-4-5'
  if (settingOf(env, FAMILIES['google']?.keys ?? []) !== undefined) return 'google:gemini-2.5-flash'
  return DEMO_MODEL
}

/** @throws {AgentOSError} MODEL_UNKNOWN for a name without provider or id, or with a provider that is not in the registry */
export function parseModelName(model: string): { readonly provider: string; readonly id: string } {
  const at = model.indexOf(':')
  const provider = at < 0 ? '' : model.slice(0, at)
  const id = model.slice(at + 1)
  if (at < 0 || id.trim() === '') {
    const guess = guessProvider(model)
    const hint = guess === undefined ? 'write provider:id' : `write ${guess}`
    throw new AgentOSError('MODEL_UNKNOWN', `Model "${model}" does not name provider and id; ${hint}`)
  }
  if (provider === 'demo') {
    if (model === DEMO_MODEL) return { provider, id }
    throw new AgentOSError('MODEL_UNKNOWN', `Model "${model}" does not exist; the demo provider has one, ${DEMO_MODEL}`)
  }
  if (familyOf(provider) !== undefined) return { provider, id }
  const known = [...Object.keys(FAMILIES), 'demo']
  const near = known.find((name) => name.includes(provider.toLowerCase()) || provider.toLowerCase().includes(name))
  const hint = near === undefined || provider === '' ? '' : `; did you mean ${near}:${id}?`
  const message = `Model "${model}": provider "${provider}" is not known, only ${known.join(', ')}${hint}`
  throw new AgentOSError('MODEL_UNKNOWN', message)
}

/** The full name that a bare id most likely means. */
function guessProvider(model: string): string | undefined {
  const [before, ...rest] = model.split('/')
  if (before !== undefined && rest.length > 0 && familyOf(before) !== undefined) return `${before}:${rest.join('/')}`
  if (/^(gpt|o\d|chatgpt)/.test(model)) return `openai:${model}`
  if (model.startsWith('claude')) return `anthropic:${model}`
  if (model.startsWith('gemini')) return `google:${model}`
  if (/^(mistral|codestral|ministral|magistral|devstral|pixtral)/.test(model)) return `mistral:${model}`
  return model === 'demo' ? DEMO_MODEL : undefined
}

function familyOf(provider: string): Family | undefined {
  return Object.hasOwn(FAMILIES, provider) ? FAMILIES[provider] : undefined
}

function instanceModel(instance: ModelInstance, redact: Redact, clock: Clock): Model {
  const { specificationVersion, provider, modelId } = instance
  const name = { provider: provider.split('.')[0] ?? provider, id: modelId }
  if (!VERSIONS.includes(specificationVersion)) {
    const version = JSON.stringify(specificationVersion)
    throw new AgentOSError(
      'MODEL_UNKNOWN',
      `Model ${name.provider}:${modelId} implements version ${version} of the AI SDK's model interface; ` +
        `${VERSIONS.join(', ')} can be called: update its provider package`,
    )
  }
  const failure = { provider: name.provider, keyVariable: undefined, redact, now: clock.now }
  const source = { open: async () => instance, defaults: {}, failure }
  return { name, stream: (request, signal) => streamModel(source, request, signal) }
}

/** Redacts what the process redacts, and every key of a provider. */
function withKeys(redact: Redact, env: Env): Redact {
  const names = [...Object.values(FAMILIES).flatMap(({ keys }) => keys), 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']
  const redactKeys = createRedact(names.map((name) => env[name]?.trim() ?? ''))
  return (text) => redactKeys(redact(text))
}
