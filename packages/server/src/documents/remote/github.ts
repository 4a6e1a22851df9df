/**
 * Files of a repository on GitHub, or on a GitHub Enterprise.
 * @module
 */
import type { RemoteDocument, RemoteFile, RemotePage, RemoteSource } from '../../base/document.ts'
import { AgentOSError } from '../../base/errors.ts'
import { isJsonObject, type Json, type JsonObject, parseJson } from '../../base/json.ts'
import { fetchUrl, readBody } from '../fetch/fetch.ts'
import type { FetchPolicy } from '../fetch/resolve.ts'
import type { GitHubConfig } from './config.ts'
import { encodeKey, nameOfKey } from './key.ts'
import { FILE_MS, LIST_BYTES, LIST_MS } from './limits.ts'

const API = 'https://api.github.com'

/**
 * GitHub lists a folder in one answer of at most a thousand entries; pages are cut from it.
 * @param policy of GitHub's own address; an API that the operator names may be anywhere
 */
export function openGitHub(config: GitHubConfig, policy: FetchPolicy): RemoteSource {
  const { id, repo, branch, token, prefix, metadata } = config
  const get = (
    path: string,
    accept: string,
    limits: { readonly bytes: number; readonly timeMs: number },
    signal: AbortSignal,
  ) => {
    const url = new URL(`${(config.apiUrl ?? API).replace(/\/+$/, '')}/repos/${repo}/contents/${encodeKey(path)}`)
    if (branch !== undefined) url.searchParams.set('ref', branch)
    const privateUrls = config.apiUrl !== undefined || policy.privateUrls
    const headers = {
      accept: `application/vnd.github.${accept}`,
      'x-github-api-version': '2022-11-28',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    return fetchUrl(url.href, { privateUrls, ...limits, signal, headers })
  }
  return {
    id,
    name: config.name ?? repo,
    type: 'github',
    prefix,
    metadata,
    list: async (folder, { limit, cursor }, signal) => {
      const path = folder.replace(/^\/+|\/+$/g, '')
      const answer = await get(path, 'object+json', { bytes: LIST_BYTES, timeMs: LIST_MS }, signal)
      return pageOf(parseJson(Buffer.from(await readBody(answer)).toString()), limit, Number(cursor ?? 0))
    },
    read: async (key, { bytes }, signal): Promise<RemoteDocument> => {
      const { body } = await get(key, 'raw+json', { bytes, timeMs: FILE_MS }, signal)
      // The type is that of the API, not of the file.
      return { filename: nameOfKey(key), mimeType: undefined, body }
    },
  }
}

function pageOf(answer: Json | undefined, limit: number, start: number): RemotePage {
  const entries = entriesOf(answer)
  const page = entries.slice(start, start + limit)
  const end = start + page.length
  return {
    folders: page.flatMap(({ type, path, name }) =>
      type === 'dir' && typeof path === 'string' && typeof name === 'string' ? [{ prefix: `${path}/`, name }] : [],
    ),
    files: page.flatMap(fileOf),
    cursor: end < entries.length ? String(end) : undefined,
  }
}

/** Of a folder; of a file, itself. */
function entriesOf(answer: Json | undefined): readonly JsonObject[] {
  if (!isJsonObject(answer)) throw new AgentOSError('URL_UNAVAILABLE', 'GitHub did not answer with a list of files')
  const { entries } = answer
  return Array.isArray(entries) ? entries.filter((entry) => isJsonObject(entry)) : [answer]
}

function fileOf({ type, path, size }: JsonObject): readonly RemoteFile[] {
  if (type !== 'file' || typeof path !== 'string') return []
  const bytes = typeof size === 'number' ? size : null
  return [{ key: path, name: nameOfKey(path), size: bytes, lastModified: null, contentType: null }]
}
