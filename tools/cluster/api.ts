/**
 * The API server of a cluster for tests, asked directly: a fraction of what a run of kubectl costs.
 * @module
 */
import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { KubernetesObject } from '../chart/objects.ts'
import { readAccess } from './access.ts'

const APPLY = 'application/apply-patch+yaml'

export type Answer = { readonly status: number; readonly body: unknown }

/** What an API group has, as its discovery tells. */
type Resource = {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
}

/** An object as the server keeps it. */
export type Live = KubernetesObject & {
  readonly metadata: {
    readonly uid: string
    readonly generation?: number
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[]
  }
  readonly status?: Readonly<Record<string, unknown>>
}

/** Objects of a namespace that nobody made who uses it. */
const OWN_OBJECTS = new Set(['ConfigMap kube-root-ca.crt', 'ServiceAccount default'])
const SHORT_LIVED = new Set(['Event', 'EndpointSlice', 'Endpoints', 'ControllerRevision', 'PodMetrics', 'Lease'])

export type Api = Disposable & {
  /** @param body object, sent as JSON. @returns the answer, whatever its status */
  ask(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer>
  /** @returns the object. @throws {Error} with the server's words when there is none */
  get(apiVersion: string, kind: string, namespace: string, name: string): Promise<Live>
  /** @returns the objects of a kind, by name. */
  list(apiVersion: string, kind: string, namespace: string, labels?: string): Promise<readonly Live[]>
  /** Applies as the server does it, strictly. @returns what it says against it; undefined when nothing */
  apply(object: Applied, options?: { readonly dryRun?: boolean }): Promise<string | undefined>
  /** @returns `Kind name` of every object in a namespace that somebody has put there, sorted */
  listAll(namespace: string): Promise<readonly string[]>
}

type Applied = Pick<KubernetesObject, 'apiVersion' | 'kind' | 'metadata'> & Readonly<Record<string, unknown>>

/** @param kubeconfig of `grantAccess` */
export async function openApi(kubeconfig: string): Promise<Api> {
  const { server, ca, token } = await readAccess(kubeconfig)
  const agent = new Agent({ ca, keepAlive: true, maxSockets: 8 })
  const discovered = new Map<string, readonly Resource[]>()

  const ask = async (method: string, path: string, body?: unknown, contentType = 'application/json') => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': contentType }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const sent = request(new URL(path, server), { method, agent, headers }, (response) => {
      text(response).then(
        // Plain text is what proxies and health checks say.
        (answer) =>
          resolve({ status: response.statusCode ?? 0, body: answer.startsWith('{') ? JSON.parse(answer) : answer }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }
  const discover = async (apiVersion: string) => {
    const known = discovered.get(apiVersion)
    if (known !== undefined) return known
    const { status, body } = await ask('GET', apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`)
    if (status !== 200) return []
    const { resources } = body as { resources: readonly Resource[] }
    discovered.set(apiVersion, resources)
    return resources
  }
  const pathOf = async (apiVersion: string, kind: string, namespace: string | undefined) => {
    const found = (await discover(apiVersion)).find(
      (resource) => resource.kind === kind && !resource.name.includes('/'),
    )
    if (found === undefined) throw new Error(`the API server knows no ${kind} of ${apiVersion}`)
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    return `${root}${found.namespaced ? `/namespaces/${namespace ?? 'default'}` : ''}/${found.name}`
  }
  return {
    ask,
    get: async (apiVersion, kind, namespace, name) => {
      const { status, body } = await ask('GET', `${await pathOf(apiVersion, kind, namespace)}/${name}`)
      if (status !== 200) throw new Error(messageOf(body))
      return body as Live
    },
    list: async (apiVersion, kind, namespace, labels) => {
      const query = labels === undefined ? '' : `?labelSelector=${encodeURIComponent(labels)}`
      const { status, body } = await ask('GET', `${await pathOf(apiVersion, kind, namespace)}${query}`)
      if (status !== 200) throw new Error(messageOf(body))
      return (body as { items: readonly Live[] }).items
    },
    apply: async (object, { dryRun = false } = {}) => {
      const { apiVersion, kind, metadata } = object
      const path = await pathOf(apiVersion, kind, metadata.namespace)
      const query = `fieldManager=tests&force=true&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`
      const { status, body } = await ask('PATCH', `${path}/${metadata.name}?${query}`, object, APPLY)
      return status < 300 ? undefined : messageOf(body)
    },
    listAll: async (namespace) => {
      const found: string[] = []
      for (const apiVersion of await listVersions(ask)) {
        const listable = (await discover(apiVersion)).filter(
          ({ namespaced, verbs, kind }) => namespaced && verbs.includes('list') && !SHORT_LIVED.has(kind),
        )
        for (const { kind } of listable) {
          const { body } = await ask('GET', await pathOf(apiVersion, kind, namespace))
          const { items = [] } = body as { items?: readonly { metadata: { name: string } }[] }
          found.push(...items.map(({ metadata }) => `${kind} ${metadata.name}`))
        }
      }
      return [...new Set(found)].filter((name) => !OWN_OBJECTS.has(name)).toSorted()
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

/** @returns the core API and the preferred version of each group */
async function listVersions(ask: Api['ask']): Promise<readonly string[]> {
  const { body } = await ask('GET', '/apis')
  const { groups } = body as { groups: readonly { preferredVersion: { groupVersion: string } }[] }
  return ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)]
}

function messageOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : String(body)
}
