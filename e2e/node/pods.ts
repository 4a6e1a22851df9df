/**
 * The server's pods of a release, and how to reach them.
 * @module
 */
import { readdir, readFile } from 'node:fs/promises'
import { until } from '../condition.ts'
import type { Namespace, Pod } from './kubectl.ts'

/** Port of the server in every pod. */
const PORT = 8000
const LOOK_MS = 250

/** @returns pods that are not being deleted, whatever their state */
export async function listPods(namespace: Namespace, release: string): Promise<readonly Pod[]> {
  const selector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=server`
  const pods = await namespace.pods(selector)
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false
}

/** @returns once exactly `count` pods are there and ready */
export function waitForPods(namespace: Namespace, release: string, count: number): Promise<readonly Pod[]> {
  return untilSeen(`${count} ready pods of ${release}`, async () => {
    const pods = await listPods(namespace, release)
    return pods.length === count && pods.every(isReady) && pods
  })
}

/**
 * Looks at the cluster now and then until `look` finds something.
 * @throws {Error} naming `what` after `timeoutMs`
 */
export function untilSeen<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 240_000,
): Promise<T> {
  return until(what, look, timeoutMs, LOOK_MS)
}

export function podUrl({ status }: Pod): string {
  return `http://${status.podIP}:${PORT}`
}

/** The address that all clients within the cluster use. */
export async function serviceUrl(namespace: Namespace, release: string): Promise<string> {
  const [service] = await namespace.list<Service>('services', `app.kubernetes.io/instance=${release}`)
  if (service === undefined) throw new Error(`${release} has no Service`)
  return `http://${service.spec.clusterIP}:${PORT}`
}

/**
 * A pod that has become ready is behind its Service a moment later.
 * @returns the address of the Service, once somebody answers there
 */
export async function waitForService(namespace: Namespace, release: string): Promise<string> {
  const url = await serviceUrl(namespace, release)
  const isThere = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  await untilSeen(`${release} to answer at its Service`, isThere)
  return url
}

type Service = { readonly spec: { readonly clusterIP: string } }

/** @returns process ids of a container's processes, as this machine sees them; the one that the kubelet started first */
export async function processesOf(pod: Pod, container: string): Promise<readonly number[]> {
  const all = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])]
  const id = all.find(({ name }) => name === container)?.containerID?.replace(/^.*\/\//, '')
  if (id === undefined) throw new Error(`${pod.metadata.name} runs no ${container}`)
  const found: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    // Processes end while we look.
    const groups = await readFile(`/proc/${entry}/cgroup`, 'utf8').catch(() => '')
    if (groups.includes(id)) found.push(Number(entry))
  }
  return found.toSorted((a, b) => a - b)
}
