/**
 * The remote sources of knowledge that AGENTOS_KNOWLEDGE_SOURCES names.
 * @module
 */
import type { RemoteSource } from '../base/document.ts'
import { openRemoteSources } from '../documents/remote/sources.ts'

/** @throws {AgentOSError} CONFIG_INVALID naming what is wrong, without its secrets */
export function openRemotes(setting: string | undefined, privateUrls: boolean): readonly RemoteSource[] {
  return setting === undefined ? [] : openRemoteSources(setting, 'AGENTOS_KNOWLEDGE_SOURCES', { privateUrls })
}
