/**
 * The definitions of the custom resources that the chart can render, as their projects publish them, in a cluster. Their
 * controllers are not there: the API server stores what it finds valid.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installSchemas, type CustomResource } from '../chart/schemas.ts'
import type { Api } from './api.ts'
import { waitUntil } from './program.ts'

/** What the chart renders; the projects define many more, and each costs the server time. */
const KINDS = new Set([
  'AuthorizationPolicy',
  'DestinationRule',
  'VirtualService',
  'ClusterSecretStore',
  'ExternalSecret',
  'SecretStore',
  'ScaledObject',
  'TriggerAuthentication',
  'HTTPRoute',
  'PodMonitor',
  'PrometheusRule',
  'ServiceMonitor',
])

/** @throws {Error} when the server refuses one, or a kind is not defined anywhere */
export async function defineCustomResources(api: Api): Promise<void> {
  // `installSchemas` wrote it.
  const all = JSON.parse(await readFile(join(await installSchemas(), 'definitions.json'), 'utf8')) as CustomResource[]
  const chosen = all.filter(({ spec }) => KINDS.has(spec.names.kind))
  const missing = [...KINDS].filter((kind) => !chosen.some(({ spec }) => spec.names.kind === kind))
  if (missing.length > 0) throw new Error(`no project defines ${missing.join(', ')}`)
  for (const resource of chosen) {
    const refusal = await api.apply(resource)
    if (refusal !== undefined) throw new Error(`${resource.metadata.name}: ${refusal}`)
  }
  for (const { spec } of chosen) {
    for (const { name } of spec.versions.filter(({ served }) => served)) {
      await waitUntil(`${spec.names.kind} is served`, () => isServed(api, `${spec.group}/${name}`, spec.names.kind))
    }
  }
}

async function isServed(api: Api, apiVersion: string, kind: string): Promise<true | undefined> {
  const { status, body } = await api.ask('GET', `/apis/${apiVersion}`)
  const { resources } = status === 200 ? (body as { resources: readonly { kind: string }[] }) : { resources: [] }
  return resources.some((resource) => resource.kind === kind) || undefined
}
