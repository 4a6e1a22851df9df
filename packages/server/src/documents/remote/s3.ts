/**
 * Files of a bucket, of Amazon S3 or of any storage that speaks its protocol.
 * @module
 */
import { AwsV4Signer } from 'aws4fetch'
import type { RemoteDocument, RemoteFile, RemotePage, RemoteSource } from '../../base/document.ts'
import { type Fetched, fetchUrl, readBody } from '../fetch/fetch.ts'
import type { FetchPolicy } from '../fetch/resolve.ts'
import { parseXml } from '../xml.ts'
import type { S3Config } from './config.ts'
import { encodeKey, nameOfKey } from './key.ts'
import { FILE_MS, LIST_BYTES, LIST_MS } from './limits.ts'

/** @param policy of Amazon's own addresses; an endpoint that the operator names may be anywhere */
export function openS3(config: S3Config, policy: FetchPolicy): RemoteSource {
  const { id, bucket, prefix, metadata } = config
  const base = baseUrl(config)
  const get = async (url: URL, bytes: number, timeMs: number, signal: AbortSignal): Promise<Fetched> => {
    const { href, headers } = await signRequest(url, config)
    const privateUrls = config.endpoint !== undefined || policy.privateUrls
    return fetchUrl(href, { privateUrls, bytes, timeMs, signal, headers })
  }
  return {
    id,
    name: config.name ?? bucket,
    type: 's3',
    prefix,
    metadata,
    list: async (folder, { limit, cursor }, signal) => {
      const url = new URL(base)
      url.search = new URLSearchParams({
        'list-type': '2',
        delimiter: '/',
        'max-keys': String(limit),
        prefix: folder,
        ...(cursor === undefined ? {} : { 'continuation-token': cursor }),
      })
        .toString()
        // A signature counts a space as %20.
        .replaceAll('+', '%20')
      return parseListing(await readBody(await get(url, LIST_BYTES, LIST_MS, signal)), folder)
    },
    read: async (key, { bytes }, signal): Promise<RemoteDocument> => {
      const fetched = await get(new URL(encodeKey(key), base), bytes, FILE_MS, signal)
      return { filename: nameOfKey(key), mimeType: fetched.mimeType || undefined, body: fetched.body }
    },
  }
}

/** Ends with a slash; keys and queries follow it. */
function baseUrl({ endpoint, bucket, region }: S3Config): URL {
  // Names of buckets with dots do not fit the certificates of Amazon.
  if (endpoint === undefined && !bucket.includes('.')) return new URL(`https://${bucket}.s3.${region}.amazonaws.com/`)
  const host = endpoint ?? `https://s3.${region}.amazonaws.com`
  return new URL(`${host.replace(/\/+$/, '')}/${encodeURIComponent(bucket)}/`)
}

async function signRequest(url: URL, { accessKeyId, secretAccessKey, sessionToken, region }: S3Config) {
  if (accessKeyId === undefined || secretAccessKey === undefined) return { href: url.href, headers: {} }
  const signer = new AwsV4Signer({
    url: url.href,
    accessKeyId,
    secretAccessKey,
    service: 's3',
    region,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  })
  const signed = await signer.sign()
  return { href: signed.url.href, headers: Object.fromEntries(signed.headers) }
}

function parseListing(bytes: Uint8Array, folder: string): RemotePage {
  const files: RemoteFile[] = []
  const folders: { prefix: string; name: string }[] = []
  let cursor: string | undefined
  let fields: Record<string, string> = {}
  let text = ''
  parseXml(bytes, {
    open: (name) => {
      if (name === 'Contents' || name === 'CommonPrefixes') fields = {}
      text = ''
    },
    text: (part) => (text += part),
    close: (name) => {
      if (name === 'Contents') files.push(...fileOf(fields, folder))
      else if (name === 'CommonPrefixes')
        folders.push({ prefix: fields['Prefix'] ?? '', name: nameOfKey(fields['Prefix'] ?? '') })
      else if (name === 'NextContinuationToken') cursor = text
      else fields[name] = text
    },
  })
  return { files, folders, cursor }
}

/** Nothing for the folder itself, which some tools store as an empty file. */
function fileOf(
  { Key: key = '', Size: size = '', LastModified: modified = '' }: Record<string, string>,
  folder: string,
) {
  if (key === '' || key === folder || key.endsWith('/')) return []
  const lastModified = Date.parse(modified)
  const file: RemoteFile = {
    key,
    name: nameOfKey(key),
    size: size === '' ? null : Number(size),
    lastModified: Number.isNaN(lastModified) ? null : lastModified,
    contentType: null,
  }
  return [file]
}
