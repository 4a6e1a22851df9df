/**
 * What every command takes from its process: settings, log, clock and folders.
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { createLearningRedact } from '../base/redact.ts'
import { type Config, type Environment, loadConfig, processEnvironment } from '../config/load.ts'
import type { ServerDeps } from '../main.ts'
import { createLog } from '../telemetry/log.ts'

export type Command = { readonly config: Config; readonly deps: ServerDeps; readonly workingDirectory: string }

/** @param defaults settings a command has of its own; the environment wins */
export function openCommand(defaults: Environment = {}): Command {
  const config = loadConfig({ ...defaults, ...processEnvironment() })
  const { AGENTOS_LOG_FORMAT: format, AGENTOS_LOG_LEVEL: level } = config.settings
  const { redact, learn: learnSecret } = createLearningRedact(config.secrets)
  const log = createLog({
    level,
    format: format === 'json' || (format === 'auto' && !process.stderr.isTTY) ? 'json' : 'pretty',
    redact,
    write: (line) => process.stderr.write(line),
  })
  return { config, deps: { clock: systemClock, log, redact, learnSecret }, workingDirectory: process.cwd() }
}

/** What is served when nobody names a folder. */
export const EXAMPLES = fileURLToPath(new URL('../../../../examples/agents', import.meta.url))

/**
 * The agents folder: of the command line, of the settings, else the examples. One that is not there yet is fine when it is
 * configured (git-sync brings it); a name that somebody typed must exist.
 * @throws {AgentOSError} AGENTS_LOAD_FAILED when a typed folder is missing or no folder
 */
export function agentsDirectory({ config, workingDirectory }: Command, typed: string | undefined): string {
  const configured = config.settings.AGENTOS_AGENTS_DIR
  if (typed === undefined) return configured === undefined ? EXAMPLES : resolve(workingDirectory, configured)
  const directory = resolve(workingDirectory, typed)
  if (!existsSync(directory)) throw new AgentOSError('AGENTS_LOAD_FAILED', `There is no folder ${directory}`)
  if (!statSync(directory).isDirectory()) throw new AgentOSError('AGENTS_LOAD_FAILED', `${directory} is not a folder`)
  return directory
}
