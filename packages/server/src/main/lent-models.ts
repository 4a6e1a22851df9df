/**
 * Models for what needs one outside of runs, by name: that of the settings, and those that callers name. No agent code.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { DocumentPorts } from '../base/document.ts'
import type { Ids } from '../base/ids.ts'
import { textOf } from '../base/message.ts'
import type { Redact } from '../base/redact.ts'
import type { Config } from '../config/load.ts'
import type { Model } from '../models/model.ts'
import { createModels, DEMO_MODEL, type Models } from '../models/registry.ts'
import { callBeside } from '../runtime/memory/side-call.ts'
import type { Log } from '../telemetry/log.ts'

export type LentModels = {
  /**
   * @param name `provider:id`; default that of the settings
   * @throws {AgentOSError} MODEL_UNKNOWN
   */
  readonly resolve: (name?: string) => Promise<Model>
  /**
   * The answer of the settings' model to one prompt. Undefined where that is the demo model, which does not do as it is
   * told. @throws {ModelError} when it failed for good; the reason of the signal
   */
  readonly complete: NonNullable<DocumentPorts['complete']> | undefined
  readonly close: () => Promise<void>
}

type LentModelsDeps = {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly redact: Redact
  /** As `provider:id`. */
  readonly defaultModel: string
}

/** Opens no connection before one is needed. */
export function openLentModels({ agentEnv }: Pick<Config, 'agentEnv'>, deps: LentModelsDeps): LentModels {
  const { clock, ids, log, redact, defaultModel } = deps
  let models: Models | undefined
  const resolve = (name = defaultModel) => {
    models ??= createModels({ env: agentEnv, clock, redact, demoDelayMs: 0 })
    return models.resolve(name)
  }
  const complete = async (prompt: string, signal: AbortSignal) => {
    const asked = { role: 'user', id: ids.uuid(), createdAt: clock.now(), content: prompt } as const
    const request = { messages: [asked], tools: [], output: undefined }
    return textOf(await callBeside(await resolve(), request, { clock, ids, log, signal }))
  }
  return {
    resolve,
    complete: defaultModel === DEMO_MODEL ? undefined : complete,
    close: async () => models?.close(),
  }
}
