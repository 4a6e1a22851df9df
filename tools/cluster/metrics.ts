/**
 * The API of metrics that an autoscaler reads, with numbers that a test sets: one for all pods.
 * @module
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { Api, Live } from './api.ts'

const GROUP = 'metrics.k8s.io'
const VERSION = 'v1beta1'
const SERVICE = 'metrics-of-tests'
const NAMESPACE = 'kube-system'
const PODS = new RegExp(`^/apis/${GROUP}/${VERSION}/namespaces/([^/]+)/pods$`)

export type Metrics = AsyncDisposable & {
  /** @param cpu of every container from now on, as a quantity of Kubernetes: `250m` */
  use(cpu: string): void
}

/** @param certificates folder of the API server's own, which this server shows too: nobody verifies it */
export async function startMetrics(api: Api, certificates: string): Promise<Metrics> {
  let cpu = '10m'
  const read = (name: string) => readFile(join(certificates, name))
  const tls = { cert: await read('apiserver.crt'), key: await read('apiserver.key') }
  const server = createServer(tls, (request, response) => {
    const { pathname, search } = new URL(request.url ?? '', 'https://metrics')
    answer(api, pathname, search, cpu).then(
      (body) => {
        response.statusCode = body === undefined ? 404 : 200
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }))
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  // The API server looks the name up, and takes whichever address it is given first.
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await register(api, port)
  return {
    use: (quantity) => {
      cpu = quantity
    },
    [Symbol.asyncDispose]: async () => {
      await api.ask('DELETE', `/apis/apiregistration.k8s.io/v1/apiservices/${VERSION}.${GROUP}`)
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** @throws {Error} with the words of the API server when it refuses */
async function register(api: Api, port: number): Promise<void> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: SERVICE, namespace: NAMESPACE },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  }
  const apiService = {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${VERSION}.${GROUP}` },
    spec: {
      group: GROUP,
      version: VERSION,
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: SERVICE, namespace: NAMESPACE, port },
    },
  }
  for (const object of [service, apiService]) {
    const refusal = await api.apply(object)
    if (refusal !== undefined) throw new Error(refusal)
  }
}

async function answer(api: Api, path: string, query: string, cpu: string): Promise<unknown> {
  const [, namespace] = PODS.exec(path) ?? []
  if (namespace !== undefined) {
    const { body } = await api.ask('GET', `/api/v1/namespaces/${namespace}/pods${query}`)
    return listMetrics((body as { items: readonly Live[] }).items, cpu)
  }
  const groupVersion = `${GROUP}/${VERSION}`
  if (path === `/apis/${groupVersion}`) {
    const pods = { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] }
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [pods] }
  }
  const version = { groupVersion, version: VERSION }
  const group = { name: GROUP, versions: [version], preferredVersion: version }
  if (path === `/apis/${GROUP}`) return { kind: 'APIGroup', apiVersion: 'v1', ...group }
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] }
  return undefined
}

function listMetrics(pods: readonly Live[], cpu: string) {
  const items = pods
    .filter(({ status }) => status?.['phase'] === 'Running')
    .map(({ metadata, spec }) => ({
      metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
      timestamp: new Date().toISOString(),
      window: '1s',
      containers: containerNames(spec).map((name) => ({ name, usage: { cpu, memory: '64Mi' } })),
    }))
  return { kind: 'PodMetricsList', apiVersion: `${GROUP}/${VERSION}`, metadata: {}, items }
}

/** As every pod has them. */
function containerNames(spec: Live['spec']): readonly string[] {
  const { containers } = spec as { readonly containers: readonly { readonly name: string }[] }
  return containers.map(({ name }) => name)
}

/** @returns the folder that `startMetrics` wants, of the cluster that a kubeconfig leads to */
export function certificatesOf(kubeconfig: string): string {
  return dirname(kubeconfig)
}
