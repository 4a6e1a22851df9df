/**
 * Namespaces as a careful cluster has them, with what the chart's values files take for granted.
 * @module
 */
import type { Api } from './api.ts'
import { waitUntil } from './program.ts'

/** Pods that are less than this are refused. */
const RESTRICTED = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
}

/** Classes that a values file names. */
const CLASSES = [
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 },
  { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'gvisor' }, handler: 'runsc' },
]

/** @throws {Error} with the words of the API server when it refuses */
export async function defineClasses(api: Api): Promise<void> {
  await applyAll(api, CLASSES)
}

/** Makes a namespace in which only restricted pods run, with a volume for the embedded database. */
export async function makeNamespace(api: Api, name: string): Promise<void> {
  await applyAll(api, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: RESTRICTED } }])
  const volume = `${name}-data`
  const storage = { accessModes: ['ReadWriteOnce'], storageClassName: '' }
  await applyAll(api, [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volume },
      spec: { ...storage, capacity: { storage: '1Gi' }, hostPath: { path: '/var/data' } },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'agentos-data', namespace: name },
      spec: { ...storage, volumeName: volume, resources: { requests: { storage: '1Gi' } } },
    },
  ])
  await waitUntil(`namespace ${name} has its service account`, async () => {
    const accounts = await api.list('v1', 'ServiceAccount', name)
    return accounts.some(({ metadata }) => metadata.name === 'default') || undefined
  })
}

async function applyAll(api: Api, objects: readonly Parameters<Api['apply']>[0][]): Promise<void> {
  for (const object of objects) {
    const refusal = await api.apply(object)
    if (refusal !== undefined) throw new Error(`${object.kind} ${object.metadata.name}: ${refusal}`)
  }
}
