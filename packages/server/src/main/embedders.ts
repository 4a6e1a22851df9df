/**
 * The embedders of a server, as its settings and the keys in its environment have them.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Embedders } from '../base/embedding.ts'
import type { Ids } from '../base/ids.ts'
import type { Redact } from '../base/redact.ts'
import type { Config } from '../config/load.ts'
import { chooseDefaultEmbedder, createEmbedders, type EmbeddingCall } from '../models/embedding.ts'
import type { Log } from '../telemetry/log.ts'

export type OpenEmbeddersDeps = {
  readonly clock: Clock
  readonly ids: Ids
  readonly redact: Redact
  readonly log: Log
  /** Hears of every call to a provider. Must not throw. */
  readonly onCall?: (call: EmbeddingCall) => void
}

/**
 * Opens no connection. A key that is missing is told in the log, and by every call that needs it.
 * @throws {AgentOSError} MODEL_UNKNOWN for an AGENTOS_EMBEDDER that does not exist
 */
export function openEmbedders(
  { settings, agentEnv }: Config,
  { log, ...deps }: OpenEmbeddersDeps,
): Embedders & { readonly close: () => void } {
  const standard = standardEmbedderOf(settings.AGENTOS_EMBEDDER, agentEnv)
  const embedders = createEmbedders({ ...deps, env: agentEnv, standard })
  const problem = standard === undefined ? undefined : embedders.problem(standard)
  if (problem !== undefined) log.warn('the embedder cannot be used', { embedder: standard, problem })
  return embedders
}

/** @param setting AGENTOS_EMBEDDER */
function standardEmbedderOf(
  setting: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return setting === 'none' ? undefined : (setting ?? chooseDefaultEmbedder(env))
}
