/**
 * What became of the pods of a release.
 * @module
 */
import type { Api, Live } from './api.ts'
import { waitUntil } from './program.ts'

type DeploymentState = {
  readonly observedGeneration?: number
  readonly replicas?: number
  readonly updatedReplicas?: number
  readonly readyReplicas?: number
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[]
}

/**
 * Waits until every pod of a Deployment is of its newest template and is there.
 * @param until `admitted`: nobody refused one; `ready`: each runs
 * @throws {Error} with the reason when a pod is refused, as Pod Security does
 */
export async function waitForPods(api: Api, deployment: Place, until: 'admitted' | 'ready' = 'ready'): Promise<Live> {
  const { namespace, name } = deployment
  return waitUntil(
    `the pods of ${name} in ${namespace} are ${until}`,
    async () => {
      const live = await api.get('apps/v1', 'Deployment', namespace, name)
      // The schema of Deployments holds it.
      const state = (live.status ?? {}) as DeploymentState
      const refused = state.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
      if (refused !== undefined) throw new Error(`${name}: ${refused.message}`)
      const wanted = live.spec?.['replicas']
      const counts = [state.replicas, state.updatedReplicas, ...(until === 'ready' ? [state.readyReplicas] : [])]
      const isCurrent = state.observedGeneration === live.metadata.generation
      return isCurrent && counts.every((count) => count === wanted) ? live : undefined
    },
    { limitMs: 30_000 },
  )
}

export type Place = { readonly namespace: string; readonly name: string }

/** @returns the number of pods that a Deployment is told to have */
export async function readReplicas(api: Api, { namespace, name }: Place): Promise<number> {
  const { spec } = await api.get('apps/v1', 'Deployment', namespace, name)
  // The server gives it a default.
  return spec?.['replicas'] as number
}

/** @returns the pods of the server, without those that are ending */
export async function listServerPods(api: Api, namespace: string, release = 'agentos'): Promise<readonly Live[]> {
  const labels = `app.kubernetes.io/component=server,app.kubernetes.io/instance=${release}`
  const pods = await api.list('v1', 'Pod', namespace, labels)
  return pods.filter(({ metadata }) => !('deletionTimestamp' in metadata))
}

/** Whether a pod is ready. */
export function isReady({ status }: Live): boolean {
  const conditions = (status?.['conditions'] ?? []) as readonly { type: string; status: string }[]
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
}
