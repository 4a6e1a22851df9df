/**
 * Opens the remote sources that are configured.
 * @module
 */
import type { RemoteSource } from '../../base/document.ts'
import type { FetchPolicy } from '../fetch/resolve.ts'
import { parseSources } from './config.ts'
import { openGitHub } from './github.ts'
import { openS3 } from './s3.ts'

/**
 * @param text a list in JSON
 * @param setting the variable it comes from, for messages
 * @throws {AgentOSError} CONFIG_INVALID
 */
export function openRemoteSources(text: string, setting: string, policy: FetchPolicy): readonly RemoteSource[] {
  return parseSources(text, setting).map((config) =>
    config.type === 's3' ? openS3(config, policy) : openGitHub(config, policy),
  )
}
