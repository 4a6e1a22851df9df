/**
 * The remote sources of knowledge that AGENTOS_KNOWLEDGE_SOURCES names.
 * @module
 */
import type { RemoteSource } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'

/** @throws {AgentOSError} CONFIG_INVALID naming what is wrong, without its secrets */
export function openRemotes(setting: string | undefined, _privateUrls: boolean): readonly RemoteSource[] {
  if (setting === undefined) return []
  throw new AgentOSError('CONFIG_INVALID', 'AGENTOS_KNOWLEDGE_SOURCES: remote sources are not there yet')
}
