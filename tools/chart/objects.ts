/**
 * Rendered Kubernetes objects, as far as the checks look into them.
 * @module
 */

export type KubernetesObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly spec?: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, string>>
  readonly stringData?: Readonly<Record<string, string>>
}

export type Metadata = {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export type SecurityContext = {
  readonly allowPrivilegeEscalation?: boolean
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
  readonly privileged?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly seccompProfile?: { readonly type: string }
}

export type EnvVar = {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } }
}

export type Container = {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly EnvVar[]
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly hostPort?: number }[]
  readonly restartPolicy?: string
  readonly securityContext?: SecurityContext
  readonly volumeMounts?: readonly {
    readonly name: string
    readonly mountPath: string
    readonly subPath?: string
    readonly readOnly?: boolean
  }[]
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } }
}

export type PodSpec = {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[]
  readonly securityContext?: SecurityContext & { readonly fsGroup?: number }
  readonly automountServiceAccountToken?: boolean
  readonly serviceAccountName?: string
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly terminationGracePeriodSeconds?: number
}

/** A pod that an object leads to: the object itself, or what its template makes. */
export type Pod = { readonly owner: KubernetesObject; readonly metadata: Partial<Metadata>; readonly spec: PodSpec }

type WithTemplate = { readonly template?: { readonly metadata?: Partial<Metadata>; readonly spec: PodSpec } }

/** @returns every pod that the objects lead to */
export function findPods(objects: readonly KubernetesObject[]): readonly Pod[] {
  return objects.flatMap((owner): readonly Pod[] => {
    // The schemas hold these shapes.
    if (owner.kind === 'Pod') return [{ owner, metadata: owner.metadata, spec: owner.spec as unknown as PodSpec }]
    const { template } = (owner.spec ?? {}) as WithTemplate
    if (template?.spec?.containers === undefined) return []
    return [{ owner, metadata: template.metadata ?? {}, spec: template.spec }]
  })
}

export function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}

/** @throws {Error} when there is not exactly one such object */
export function findObject(objects: readonly KubernetesObject[], kind: string, name?: string): KubernetesObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  )
  const [object] = found
  if (object === undefined || found.length > 1) {
    throw new Error(`${found.length} objects are a ${kind}${name === undefined ? '' : ` ${name}`}, not one`)
  }
  return object
}

/** For messages. */
export function nameOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.name}`
}
